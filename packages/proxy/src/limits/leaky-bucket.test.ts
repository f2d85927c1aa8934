import { describe, expect, test } from 'vitest'
import { LEAKY_BUCKET_CELLS, LeakyBucket } from './leaky-bucket.ts'
import { SharedTable } from './shared-table.ts'

const limiter = (): LeakyBucket =>
  new LeakyBucket(new SharedTable(SharedTable.createBuffer({ slots: 1_024, cells: LEAKY_BUCKET_CELLS }), 0), 'route-1')

describe('LeakyBucket', () => {
  test('at its rate nothing is delayed', () => {
    const bucket = limiter()
    for (let count = 0; count < 10; count++) expect(bucket.take('a', 2, 0, 1_000 + count * 500)).toBe(0)
  })

  test('above the rate requests are delayed until the burst is used up, then refused', () => {
    const bucket = limiter()
    expect([bucket.take('a', 2, 3, 1_000), bucket.excess]).toEqual([0, 0])
    expect([bucket.take('a', 2, 3, 1_000), bucket.excess]).toEqual([0.5, 1])
    expect([bucket.take('a', 2, 3, 1_000), bucket.excess]).toEqual([1, 2])
    expect([bucket.take('a', 2, 3, 1_000), bucket.excess]).toEqual([1.5, 3])
    expect([bucket.take('a', 2, 3, 1_000), bucket.excess]).toEqual([-1, 4])
    // A refused request adds nothing: 3 + 1 - 2 x 0.5 s.
    expect([bucket.take('a', 2, 3, 1_500), bucket.excess]).toEqual([1.5, 3])
  })

  test('counts in thousandths of a request', () => {
    const bucket = limiter()
    bucket.take('a', 1, 1, 1_000)
    expect([bucket.take('a', 1, 1, 1_250), bucket.excess]).toEqual([0.75, 0.75])
    expect([bucket.take('a', 1, 1, 1_999), bucket.excess]).toEqual([-1, 1.001])
    expect([bucket.take('a', 1, 1, 2_000), bucket.excess]).toEqual([1, 1])
  })

  test('a slot that expired says the same as one that was kept', () => {
    const bucket = limiter()
    bucket.take('a', 4, 2, 1_000)
    bucket.take('a', 4, 2, 1_000)
    // Excess 1 + the next request = 2 requests, which leak in 500 ms at 4 a second.
    expect([bucket.take('a', 4, 2, 1_499, false), bucket.excess]).toEqual([0.001, 0.004])
    expect([bucket.take('a', 4, 2, 1_500, false), bucket.excess]).toEqual([0, 0])
  })

  test('looking records nothing, and what was recorded can be undone', () => {
    const bucket = limiter()
    expect(bucket.take('a', 1, 0, 1_000, false)).toBe(0)
    expect(bucket.take('a', 1, 0, 1_000)).toBe(0)
    expect(bucket.take('a', 1, 5, 1_000)).toBe(1)
    bucket.undo('a', 1_000)
    expect(bucket.take('a', 1, 5, 1_000)).toBe(1)
    bucket.undo('b', 1_000)
  })

  test('a clock that is a little behind neither leaks nor forgives; one set back an hour starts anew', () => {
    const bucket = limiter()
    bucket.take('a', 1, 5, 3_600_000)
    expect(bucket.take('a', 1, 5, 3_599_990)).toBe(1)
    expect(bucket.take('a', 1, 5, 3_600_000)).toBe(2)
    expect(bucket.take('a', 1, 0, 0)).toBe(0)
  })
})
