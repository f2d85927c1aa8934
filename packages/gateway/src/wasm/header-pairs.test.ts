import { describe, expect, it } from 'vitest'
import { type HeaderPair, MAX_PAIRS, pairsSize, readPairs, writePairs } from './header-pairs.ts'

function written(pairs: readonly HeaderPair[]): Buffer {
  const bytes = Buffer.alloc(pairsSize(pairs), 0xee)
  writePairs(bytes, 0, pairs)
  return bytes
}

describe('pairs of a map', () => {
  it('stand as the ABI says', () => {
    expect(
      written([
        ['a', 'bc'],
        ['', '\xff'],
      ]).toString('hex'),
    ).toBe('02000000' + '01000000' + '02000000' + '00000000' + '01000000' + '6100' + '626300' + '00' + 'ff00')
  })

  it.each<[readonly HeaderPair[]]>([
    [[]],
    [[['a', '']]],
    [
      [
        [':path', '/\xe9'],
        ['x', 'y'],
        ['x', 'z'],
      ],
    ],
  ])('%j is read as it was written', (pairs) => {
    expect(readPairs(written(pairs))).toEqual(pairs)
  })

  it('may lack the last NUL, and be nothing at all', () => {
    expect(readPairs(written([['a', 'b']]).subarray(0, -1))).toEqual([['a', 'b']])
    expect(readPairs(Buffer.alloc(0))).toEqual([])
  })

  it.each([
    ['a count alone, cut off', '010000'],
    ['no room for the lengths', '01000000' + '01000000'],
    ['a name that is longer than the bytes', '01000000' + 'ffffffff' + '00000000' + '6100'],
    ['a value that is longer than the bytes', '01000000' + '01000000' + 'ffffff7f' + '6100' + '6200'],
    ['lengths whose sum wraps around', '01000000' + 'ffffffff' + 'ffffffff' + '6100'],
    [
      'more than any head has',
      (MAX_PAIRS + 1)
        .toString(16)
        .padStart(4, '0')
        .replace(/(..)(..)/, '$2$1') +
        '0000' +
        '00'.repeat(20_000),
    ],
  ])('refuses %s', (_what, hex) => {
    expect(readPairs(Buffer.from(hex, 'hex'))).toBeUndefined()
  })
})

describe('fuzz', () => {
  const seed = Number(process.env['SEKISHO_SEED'] ?? Date.now() % 2 ** 31)

  /** mulberry32 */
  function random(from: number): () => number {
    let state = from
    return () => {
      state = (state + 0x6d2b79f5) | 0
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    }
  }

  it(`reads back what it wrote, and survives any change of it (SEKISHO_SEED=${seed})`, () => {
    const next = random(seed)
    const upTo = (limit: number): number => Math.floor(next() * limit)
    const text = (): string => Buffer.from(Array.from({ length: upTo(12) }, () => upTo(256))).toString('latin1')
    for (let round = 0; round < 20_000; round++) {
      const pairs = Array.from({ length: upTo(6) }, () => [text(), text()] as const)
      const bytes = written(pairs)
      expect(readPairs(bytes)).toEqual(pairs)
      const wrong = Buffer.from(bytes.subarray(0, bytes.length - upTo(4)))
      for (let changes = upTo(4); changes > 0 && wrong.length > 0; changes--) wrong[upTo(wrong.length)] = upTo(256)
      const read = readPairs(wrong)
      // Whatever is read lies within the bytes, each byte at most once.
      if (read !== undefined) expect(pairsSize(read)).toBeLessThanOrEqual(Math.max(wrong.length + 1, 4))
    }
  })
})
