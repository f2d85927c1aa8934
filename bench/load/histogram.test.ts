import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Histogram } from './histogram.js'

const filled = (values: number[]): Histogram => {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram
}

describe('Histogram', () => {
  it('is exact up to 255', () => {
    const histogram = filled(Array.from({ length: 200 }, (_, index) => index + 1))
    expect([0.5, 0.99, 1].map((part) => histogram.percentile(part))).toEqual([100, 198, 200])
    expect([histogram.count, histogram.max, histogram.mean]).toEqual([200, 200, 100.5])
  })

  it('answers 0 when it is empty', () => {
    const histogram = new Histogram()
    expect([histogram.percentile(0.99), histogram.max, histogram.mean]).toEqual([0, 0, 0])
  })

  it('counts what is negative as 0 and what is too large as the largest', () => {
    const histogram = filled([-5, 1e15])
    expect([histogram.percentile(0.5), histogram.percentile(1)]).toEqual([0, 2 ** 31 - 1])
  })

  it('is never below the true percentile and at most 1/128 above it', () => {
    const values = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 200 })
    const part = fc.constantFrom(0.01, 0.5, 0.9, 0.99, 0.999, 1)
    fc.assert(
      fc.property(values, part, (list, wanted) => {
        const sorted = [...list].sort((left, right) => left - right)
        const exact = sorted[Math.max(1, Math.ceil(wanted * list.length)) - 1]
        const measured = filled(list).percentile(wanted)
        expect(measured).toBeGreaterThanOrEqual(exact)
        expect(measured).toBeLessThanOrEqual(exact + exact / 128)
      }),
      { seed: 20261120, numRuns: 500 },
    )
  })
})
