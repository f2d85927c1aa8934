import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CODE_LENGTHS, CODES, EOS } from './huffman-code.ts'
import { decodedBound, huffmanDecode } from './huffman-decode.ts'
import { huffmanEncode, huffmanLength } from './huffman-encode.ts'
import { fromHex } from './testing/recording-sink.ts'

function decoded(bytes: Uint8Array): Uint8Array | undefined {
  const into = Buffer.alloc(Math.ceil(decodedBound(bytes.length)))
  // Between other bytes, which must not matter.
  const around = Buffer.concat([Buffer.of(0xaa), bytes, Buffer.of(0)])
  const length = huffmanDecode(around, 1, 1 + bytes.length, into)
  return length < 0 ? undefined : into.subarray(0, length)
}

function encoded(bytes: Buffer): Buffer {
  const into = Buffer.alloc(4 * bytes.length + 1)
  return into.subarray(0, huffmanEncode(bytes, 0, bytes.length, into, 0))
}

/** Bits as text, made full with ones. */
const bits = (text: string): Buffer => {
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8, '1')
  return Buffer.from(
    Array.from({ length: padded.length / 8 }, (_, at) => parseInt(padded.slice(at * 8, at * 8 + 8), 2)),
  )
}
const code = (symbol: number): string => CODES[symbol].toString(2).padStart(CODE_LENGTHS[symbol], '0')

describe('the Huffman code', () => {
  it.each([
    [0, '1111111111000'],
    [10, '111111111111111111111111111100'],
    [32, '010100'],
    [48, '00000'],
    [92, '1111111111111110000'],
    [122, '1111011'],
    [249, '1111111111111111111111111110'],
    [255, '11111111111111111111101110'],
    [256, '111111111111111111111111111111'],
  ])('of %i is that of RFC 7541 appendix B', (symbol, expected) => {
    expect(code(symbol)).toBe(expected)
  })

  it('is complete: no bits are left that are no code', () => {
    let sum = 0
    for (const length of CODE_LENGTHS) sum += 2 ** -length
    expect(sum).toBe(1)
  })

  it('brings back every pair of bytes', () => {
    for (let one = 0; one < 256; one++) {
      for (let other = 0; other < 256; other++) {
        const bytes = Buffer.of(one, other)
        expect(bytes.equals(decoded(encoded(bytes)) ?? Buffer.alloc(0))).toBe(true)
      }
    }
  })

  it('brings back any bytes, in as many as it said', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
        const bytes = Buffer.from(array)
        expect(encoded(bytes).length).toBe(huffmanLength(bytes, 0, bytes.length))
        expect(decoded(encoded(bytes))).toEqual(bytes)
      }),
    )
  })

  it('takes padding of up to seven ones', () => {
    for (const text of ['', code(48), code(48) + code(32), code(122), code(38), code(0), code(10)]) {
      expect(decoded(bits(text))).toHaveLength(text === '' ? 0 : text === code(48) + code(32) ? 2 : 1)
    }
  })

  it.each([
    ['padding of eight ones', 'ff'],
    ['padding of eight ones behind a code', bits(code(38)).toString('hex') + 'ff'],
    ['padding of more', 'ffffff'],
    ['padding with a zero', bits(code(48) + '110').toString('hex')],
    ['padding of zeros', bits(code(122) + '0').toString('hex')],
    ['EOS', bits(code(EOS)).toString('hex')],
    ['EOS in the middle', bits(code(48) + code(EOS) + code(48)).toString('hex')],
    ['a code cut short', 'fffffb'],
  ])('refuses %s', (_, hex) => {
    expect(decoded(fromHex(hex))).toBeUndefined()
  })
})
