import { isIPv4, isIPv6 } from 'node:net'

/** 4 or 16 bytes; undefined for what is no IP address, or has a zone. */
export function ipBytes(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number))
  if (!isIPv6(text) || text.includes('%')) return undefined
  const [before, after] = text.split('::')
  const head = groups(before)
  const tail = after === undefined ? [] : groups(after)
  return Buffer.concat([Buffer.from(head), Buffer.alloc(16 - head.length - tail.length), Buffer.from(tail)])
}

function groups(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

/**
 * The one text of an address (RFC 5952), so that lists of addresses cannot be got round by another spelling; that of an IPv4 address that
 * is written as an IPv6 one is IPv4's.
 */
export function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.indexOf(MAPPED) === 0) return bytes.subarray(12).join('.')
  const parts = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16))
  const [start, length] = longestZeros(parts)
  if (length < 2) return parts.join(':')
  return `${parts.slice(0, start).join(':')}::${parts.slice(start + length).join(':')}`
}

/** ::ffff:0:0/96 */
const MAPPED = Buffer.from('00000000000000000000ffff', 'hex')

function longestZeros(parts: readonly string[]): [start: number, length: number] {
  let best: [number, number] = [0, 0]
  for (let at = 0; at < parts.length; at++) {
    let end = at
    while (parts[end] === '0') end++
    if (end - at > best[1]) best = [at, end - at]
    if (end > at) at = end
  }
  return best
}
