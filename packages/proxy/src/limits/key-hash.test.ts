import { describe, expect, test } from 'vitest'
import { KeyHash } from './key-hash.ts'

const hash = (seed0: number, seed1: number, text: string): string => {
  const key = new KeyHash()
  key.compute(seed0, seed1, text)
  return `${key.low >>> 0}:${key.high >>> 0}`
}

describe('KeyHash', () => {
  test('is the same for the same seed and text, and another for another of either', () => {
    expect(hash(1, 2, '192.0.2.1')).toBe(hash(1, 2, '192.0.2.1'))
    expect(hash(1, 2, '192.0.2.1')).not.toBe(hash(1, 3, '192.0.2.1'))
    expect(hash(1, 2, '192.0.2.1')).not.toBe(hash(2, 2, '192.0.2.1'))
    expect(hash(1, 2, '192.0.2.1')).not.toBe(hash(1, 2, '192.0.2.2'))
  })

  test('tells apart lengths, trailing NULs and code units that share a low byte', () => {
    const texts = ['', '\0', '\0\0', '\0\0\0', 'a', 'a\0', 'a\0\0', '\u0161', '\u0261', 'ab', 'ba', '\u6261']
    expect(new Set(texts.map((text) => hash(7, 9, text))).size).toBe(texts.length)
  })

  test('flipping one bit of the text flips about half of the bits of each half of the hash', () => {
    const before = new KeyHash()
    const after = new KeyHash()
    let lowBits = 0
    let highBits = 0
    const flips = 2_000
    for (let index = 0; index < flips; index++) {
      const text = `key-${index}`
      before.compute(0x1234567, -0x7654321, text)
      const last = String.fromCharCode(text.charCodeAt(text.length - 1) ^ (1 << (index & 7)))
      after.compute(0x1234567, -0x7654321, text.slice(0, -1) + last)
      lowBits += bitCount(before.low ^ after.low)
      highBits += bitCount(before.high ^ after.high)
    }
    // 2,000 x 32 fair bits: the mean is 16, its standard deviation 2.83 / sqrt(2,000) = 0.063.
    expect(lowBits / flips).toBeGreaterThan(15.7)
    expect(lowBits / flips).toBeLessThan(16.3)
    expect(highBits / flips).toBeGreaterThan(15.7)
    expect(highBits / flips).toBeLessThan(16.3)
  })
})

function bitCount(word: number): number {
  let count = 0
  for (let rest = word; rest !== 0; rest &= rest - 1) count++
  return count
}
