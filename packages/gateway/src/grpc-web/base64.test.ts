import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../../wire/src/testing/seeded-random.ts'
import { Base64Decoder } from './base64-decoder.ts'
import { Base64Encoder } from './base64-encoder.ts'

/** Decodes pieces one by one; undefined when they are refused. */
function decoded(...pieces: string[]): string | undefined {
  const decoder = new Base64Decoder()
  const out = pieces.map((piece) => decoder.decode(Buffer.from(piece, 'latin1')))
  if (!decoder.end()) return undefined
  return Buffer.concat(out as Buffer[]).toString('latin1')
}

describe('decoding', () => {
  it.each([
    [[''], ''],
    [['QUJD'], 'ABC'],
    [['QUI='], 'AB'],
    [['QQ=='], 'A'],
    [['Q', 'U', 'J', 'D'], 'ABC'],
    [['QUJ', 'DREV', 'G'], 'ABCDEF'],
    [['QQ=', '=QkM', '='], 'ABC'],
    [['QQ==QUI=QUJD'], 'AABABC'],
    [['/+8='], '\xff\xef'],
  ])('%j is %j', (pieces, text) => expect(decoded(...pieces)).toBe(text))

  it.each([
    ['QUJ', 3],
    ['Q', 1],
    ['QQ=', 3],
    ['QUJD=', 4],
    ['=', 0],
    ['Q===', 1],
    ['QQ=A', 3],
    ['QR==', 3],
    ['QUJ=', 3],
    ['QU JD', 2],
    ['QUJD\n', 4],
    ['_-8=', 0],
    ['QUJD\xffAAA', 4],
  ])('%j is refused at %d', (text, at) => {
    for (const pieces of [[text], [...text]]) {
      const decoder = new Base64Decoder()
      for (const piece of pieces) decoder.decode(Buffer.from(piece, 'latin1'))
      expect(decoder.end()).toBe(false)
      expect(decoder.failedAt).toBe(at)
      expect(decoder.decode(Buffer.from('QUJD'))).toBeUndefined()
    }
  })
})

describe('encoding', () => {
  it('pads only where all is wanted', () => {
    const encoder = new Base64Encoder()
    const pieces = [
      encoder.encode(Buffer.from('A'), false),
      encoder.encode(Buffer.from('BCD'), false),
      encoder.encode(Buffer.from(''), true),
      encoder.encode(Buffer.from('EF'), true),
      encoder.encode(Buffer.from(''), true),
    ]
    expect(pieces.map(String)).toEqual(['', 'QUJD', 'RA==', 'RUY=', ''])
  })

  it('keeps no memory of the caller', () => {
    const encoder = new Base64Encoder()
    const chunk = Buffer.from('ABCD')
    encoder.encode(chunk, false)
    chunk.fill('x')
    expect(String(encoder.encode(Buffer.from('EF'), true))).toBe('REVG')
  })
})

/** `SEED=1 npx vitest run base64` repeats a failure. */
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

describe(`against Node's own, seed ${seed}`, () => {
  const random = new SeededRandom(seed)
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random.below(256)))
  const cut = (all: Buffer): Buffer[] => {
    const pieces: Buffer[] = []
    for (let at = 0; at < all.length;) {
      const length = 1 + random.below(9)
      pieces.push(all.subarray(at, at + length))
      at += length
    }
    return pieces
  }

  it('what is encoded in pieces is decoded in others', () => {
    for (let round = 0; round < 2_000; round++) {
      const original = bytes(random.below(60))
      const encoder = new Base64Encoder()
      const parts = cut(original).map((piece) => encoder.encode(piece, random.below(3) === 0))
      const text = Buffer.concat([...parts, encoder.encode(Buffer.alloc(0), true)])
      expect(decoded(...cut(text).map(String))).toBe(original.toString('latin1'))
    }
  })

  it('takes nothing that would be encoded in another way', () => {
    const alphabet = 'ABab/+=0\n-'
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: random.below(13) }, () => alphabet[random.below(alphabet.length)]).join('')
      const groups = text.match(/.{1,4}/gs) ?? []
      const valid = groups.every((group) => Buffer.from(group, 'base64').toString('base64') === group)
      expect([text, decoded(text) !== undefined]).toEqual([text, valid])
    }
  })
})
