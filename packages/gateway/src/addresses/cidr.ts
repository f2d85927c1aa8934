import { parseAddress } from './parse-address.ts'

/** A network: the address with its host bits cleared, and how many leading bits count (0-32 or 0-128). */
export interface Cidr {
  readonly family: 4 | 6
  /** One word of 32 bits for IPv4, four for IPv6, most significant first. */
  readonly words: Int32Array
  readonly prefixLength: number
}

/** An entry that is neither an address nor a network. */
export class AddressError extends Error {
  /** The entry as it was written. */
  readonly entry: string
  /** Its place in the list it came from; 0 when it came alone. */
  readonly index: number

  constructor(entry: string, index: number, reason: string) {
    super(`"${entry}" ${reason}`)
    this.name = 'AddressError'
    this.entry = entry
    this.index = index
  }
}

/** The first 96 bits of an IPv4-mapped IPv6 address. */
const MAPPED_PREFIX = 96

/**
 * Reads `10.0.0.0/8`, `2001:db8::/32` or a lone address (a network of one). Host bits that are set are cleared, as APISIX
 * does. `::ffff:10.0.0.0/104` is the IPv4 network 10.0.0.0/8.
 * @throws AddressError with the entry, `index` and what would be right
 */
export function parseCidr(entry: string, index = 0): Cidr {
  const slash = entry.indexOf('/')
  const address = slash < 0 ? entry : entry.slice(0, slash)
  const words = new Int32Array(4)
  const family = address.includes('%') ? 0 : parseAddress(address, words)
  if (family === 0) {
    throw new AddressError(
      entry,
      index,
      'is not an IP address or network; write it as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32',
    )
  }
  const mapped = family === 4 && address.includes(':')
  const widest = family === 4 && !mapped ? 32 : 128
  let prefixLength = slash < 0 ? widest : readPrefixLength(entry.slice(slash + 1), widest)
  if (prefixLength < 0) {
    throw new AddressError(
      entry,
      index,
      `has a bad prefix length; after the slash stands a whole number from 0 to ${widest}`,
    )
  }
  if (mapped) {
    prefixLength -= MAPPED_PREFIX
    if (prefixLength < 0) {
      throw new AddressError(
        entry,
        index,
        `mixes IPv4 and IPv6: a prefix of ::ffff:0:0/${MAPPED_PREFIX} starts at /${MAPPED_PREFIX}`,
      )
    }
  }
  const kept = family === 4 ? words.slice(0, 1) : words
  clearHostBits(kept, prefixLength)
  return { family, words: kept, prefixLength }
}

function readPrefixLength(text: string, widest: number): number {
  if (!/^(0|[1-9]\d{0,2})$/.test(text)) return -1
  const value = Number(text)
  return value <= widest ? value : -1
}

function clearHostBits(words: Int32Array, prefixLength: number): void {
  for (let at = 0; at < words.length; at++) {
    const bits = prefixLength - at * 32
    if (bits <= 0) words[at] = 0
    else if (bits < 32) words[at] &= -1 << (32 - bits)
  }
}
