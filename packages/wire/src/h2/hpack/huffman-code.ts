/**
 * RFC 7541 appendix B: the length of each byte's code in bits, and of EOS at 256. The code is canonical (shorter codes stand before
 * longer ones, codes of one length in the order of their bytes), so the lengths say all of it.
 */
// prettier-ignore
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
]

/** The code that may only begin in the padding of a string. */
export const EOS = 256

/** All symbols in the order of their codes. */
export const SYMBOLS: Uint16Array = Uint16Array.from(
  LENGTHS.map((_, symbol) => symbol).toSorted((one, other) => LENGTHS[one] - LENGTHS[other] || one - other),
)

export const CODE_LENGTHS: Uint8Array = Uint8Array.from(LENGTHS)

/** The code of each symbol, in its lowest bits. */
export const CODES: Uint32Array = codesOf()

function codesOf(): Uint32Array {
  const codes = new Uint32Array(LENGTHS.length)
  let next = 0
  let length = 0
  for (const symbol of SYMBOLS) {
    next <<= LENGTHS[symbol] - length
    length = LENGTHS[symbol]
    codes[symbol] = next++
  }
  return codes
}
