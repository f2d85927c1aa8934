import { describe, expect, it } from 'vitest'
import { identifiers, type Sources } from './request-id.ts'

const RANGE = { length: 16, char_set: 'abcdef' }

/** 2024-11-07T12:00:00.123Z, and bytes that count up from the one given. */
function sources(first = 0): Sources {
  let next = first
  return { now: () => 1_730_980_800_123, byte: () => next++ & 0xff }
}

describe('identifiers', () => {
  it.each([
    ['uuid', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
    ['uuidv7', /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
    ['nanoid', /^[A-Za-z0-9_-]{21}$/],
    ['ksuid', /^[0-9A-Za-z]{27}$/],
    ['range_id', /^[abcdef]{16}$/],
  ] as const)('%s has its form, and no two are the same', (algorithm, form) => {
    const make = identifiers(algorithm, RANGE)
    const made = Array.from({ length: 2_000 }, make)
    for (const id of made) expect(id).toMatch(form)
    expect(new Set(made).size).toBe(made.length)
  })

  it('uuidv7 holds the time, version and variant where RFC 9562 has them', () => {
    // 1,730,980,800,123 ms = 0x0193069eb67b
    expect(identifiers('uuidv7', RANGE, sources())()).toBe('0193069e-b67b-7001-8203-040506070809')
    expect(identifiers('uuidv7', RANGE, sources(0xfc))()).toBe('0193069e-b67b-7cfd-beff-000102030405')
  })

  it('ksuid is the seconds since its epoch and the random bits, in base 62', () => {
    const id = identifiers('ksuid', RANGE, sources())()
    const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
    const value = [...id].reduce((sum, digit) => sum * 62n + BigInt(digits.indexOf(digit)), 0n)
    expect(value >> 128n).toBe(1_730_980_800n - 1_400_000_000n)
    expect((value & ((1n << 128n) - 1n)).toString(16).padStart(32, '0')).toBe('000102030405060708090a0b0c0d0e0f')
  })

  it('ksuid and uuidv7 sort by time', () => {
    let now = 1_730_980_800_000
    for (const algorithm of ['ksuid', 'uuidv7'] as const) {
      const made = Array.from({ length: 20 }, () => identifiers(algorithm, RANGE, { now: () => (now += 1_000), byte: () => 7 })())
      expect(made).toEqual([...made].sort())
    }
  })

  it('nanoid and range_id take characters by their bytes', () => {
    expect(identifiers('nanoid', RANGE, sources())()).toBe('abcdefghijklmnopqrstu')
    expect(identifiers('range_id', { length: 6, char_set: 'abcdef' }, sources(3))()).toBe('defabc')
  })

  it('range_id throws away the bytes that would make some characters likelier', () => {
    // 252 is the last whole multiple of 6: 252 to 255 are no choice.
    expect(identifiers('range_id', { length: 6, char_set: 'abcdef' }, sources(251))()).toBe('fabcde')
    expect(identifiers('range_id', { length: 3, char_set: 'x'.repeat(255) + 'y' }, sources(255))()).toBe('yxx')
  })

  it('every character of a set is about as likely as the next', () => {
    const counts = new Map<string, number>()
    const text = Array.from({ length: 600 }, identifiers('range_id', { length: 100, char_set: 'abcdefghij' })).join('')
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
    // 6,000 each with a standard deviation of 73: seven of them, so that chance fails this once in 10 ** 11 runs.
    for (const character of 'abcdefghij') expect(Math.abs(counts.get(character)! - 6_000)).toBeLessThan(515)
  })
})
