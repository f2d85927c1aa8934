import { CODE_LENGTHS, CODES, EOS, SYMBOLS } from './huffman-code.ts'

/** By the next eight bits: `length << 8 | byte` of the code they begin with, 0 where it is longer. All of a usual field is in here. */
const SHORT = new Uint16Array(256)

/** The longer codes by length. `limit`: the first 32 bits that are behind them; `first`: their first code; `place`: its place in SYMBOLS. */
const LONG: { readonly length: number; readonly limit: number; readonly first: number; readonly place: number }[] = []

for (let place = 0; place < SYMBOLS.length; place++) {
  const symbol = SYMBOLS[place]
  const length = CODE_LENGTHS[symbol]
  const code = CODES[symbol]
  if (length <= 8) {
    SHORT.fill((length << 8) | symbol, code << (8 - length), (code + 1) << (8 - length))
    continue
  }
  // The codes of a length follow one another: the last of them sets the limit.
  const limit = (code + 1) * 2 ** (32 - length)
  if (LONG.at(-1)?.length === length) LONG[LONG.length - 1] = { ...LONG[LONG.length - 1], limit }
  else LONG.push({ length, limit, first: code, place })
}

/** What `length` bytes may grow to: the shortest code has five bits. */
export const decodedBound = (length: number): number => (length * 8) / 5 + 1

/**
 * Writes what the string `[at, end)` stands for into `into`, which has room for `decodedBound`.
 *
 * One look-up a symbol: 2.6 ns. A table of twelve bits that finds two at once takes 1.6 ns, but strings that come again are not decoded
 * again (`LiteralMemo`), so the simple one stayed.
 *
 * @returns how many bytes, or -1: EOS, a code cut short, or padding that is more than seven bits or not all ones (section 5.2)
 */
export function huffmanDecode(bytes: Uint8Array, at: number, end: number, into: Uint8Array): number {
  let out = 0
  // The lowest `ready` bits of `window` are the next ones; what is above them is gone.
  let window = 0
  let ready = 0
  for (;;) {
    if (ready < 8) {
      if (at < end - 1) {
        window = (window << 16) | (bytes[at] << 8) | bytes[at + 1]
        at += 2
        ready += 16
      } else if (at < end) {
        window = (window << 8) | bytes[at++]
        ready += 8
      } else break
    }
    const short = SHORT[(window >>> (ready - 8)) & 0xff]
    if (short !== 0) {
      into[out++] = short
      ready -= short >> 8
      continue
    }
    const bit = at * 8 - ready
    const long = longCode(bytes, bit, end)
    const symbol = long & 0x1ff
    const next = bit + (long >> 9)
    if (symbol === EOS || next > end * 8) return -1
    into[out++] = symbol
    at = (next + 7) >>> 3
    ready = at * 8 - next
    window = at === 0 ? 0 : bytes[at - 1]
  }
  while (ready > 0) {
    const rest = window & ((1 << ready) - 1)
    const ones = 0xff >>> ready
    const short = SHORT[(rest << (8 - ready)) | ones]
    const length = short >> 8
    if (length === 0 || length > ready) return rest === (1 << ready) - 1 ? out : -1
    into[out++] = short
    ready -= length
  }
  return out
}

/** The code of more than eight bits that begins at a bit: `length << 9 | symbol`. Behind the end stand ones, as in padding. */
function longCode(bytes: Uint8Array, bit: number, end: number): number {
  const at = bit >>> 3
  const shift = bit & 7
  const byte = (place: number): number => (place < end ? bytes[place] : 0xff)
  const high = ((byte(at) << 24) | (byte(at + 1) << 16) | (byte(at + 2) << 8) | byte(at + 3)) << shift
  const window = (high | (byte(at + 4) >>> (8 - shift))) >>> 0
  for (const { length, limit, first, place } of LONG) {
    if (window < limit) return (length << 9) | SYMBOLS[place + (window >>> (32 - length)) - first]
  }
  // Not reached: the limit of EOS is 2^32.
  return EOS
}
