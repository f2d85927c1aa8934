import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MessageMeter } from './message-meter.ts'
import { message } from './testing/raw-service.ts'

const seed = Number(process.env['SEED'] ?? 20_263)

describe('a meter', () => {
  test('lets messages up to the limit pass, empty ones among them', () => {
    const meter = new MessageMeter(10)
    for (const text of ['', '0123456789', 'x', '']) expect(meter.follow(message(text))).toBe(true)
    expect(meter.exceeded).toBe(0)
  })

  test('stops at the prefix of one that is longer', () => {
    const meter = new MessageMeter(10)
    expect(meter.follow(Buffer.from([0, 0, 0, 0]))).toBe(true)
    expect(meter.follow(Buffer.from([11]))).toBe(false)
    expect(meter.exceeded).toBe(11)
    expect(meter.follow(Buffer.from('more'))).toBe(false)
    expect(meter.exceeded).toBe(11)
  })

  test('counts up to the largest length that a prefix has', () => {
    const meter = new MessageMeter(0xfffffffe)
    expect(meter.follow(Buffer.from([1, 0xff, 0xff, 0xff, 0xff]))).toBe(false)
    expect(meter.exceeded).toBe(0xffffffff)
  })

  test(`says the same however the bytes are cut (seed ${seed})`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(40), { maxLength: 12 }),
        fc.array(fc.nat(30), { maxLength: 60 }),
        fc.nat(40),
        (lengths, cuts, limit) => {
          const bytes = Buffer.concat(lengths.map((length) => message(Buffer.alloc(length, 0xff))))
          const meter = new MessageMeter(limit)
          let at = 0
          let passed = true
          for (const cut of [...cuts, bytes.length]) passed = meter.follow(bytes.subarray(at, (at += cut))) && passed
          const longest = lengths.find((length) => length > limit)
          expect(passed).toBe(longest === undefined)
          expect(meter.exceeded).toBe(longest ?? 0)
        },
      ),
      { seed, numRuns: 1_000 },
    )
  })
})
