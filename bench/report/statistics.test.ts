import { describe, expect, it } from 'vitest'
import { median, medians, percentile } from './statistics.js'

describe('median', () => {
  it('is the middle of an odd number of values, whatever their order', () => {
    expect(median([9, 1, 100])).toBe(9)
  })

  it('is the mean of the two middle ones of an even number', () => {
    expect(median([4, 1, 3, 100])).toBe(3.5)
  })

  it('does not sort numbers as text, nor the caller’s list', () => {
    const values = [10, 9, 2]
    expect(median(values)).toBe(9)
    expect(values).toEqual([10, 9, 2])
  })

  it('is not a number for nothing', () => {
    expect(median([])).toBeNaN()
  })
})

describe('medians', () => {
  it('takes every field on its own', () => {
    const rounds = [
      { rate: 3, latency: 30 },
      { rate: 1, latency: 50 },
      { rate: 2, latency: 10 },
    ]
    expect(medians(rounds)).toEqual({ rate: 2, latency: 30 })
  })
})

describe('percentile', () => {
  it('is a value of the list', () => {
    const values = Array.from({ length: 50 }, (_, index) => 50 - index)
    expect([0.5, 0.99, 1].map((part) => percentile(values, part))).toEqual([25, 50, 50])
  })
})
