import { describe, expect, test } from 'vitest'
import { SharedTable } from './shared-table.ts'
import { SLIDING_WINDOW_CELLS, SlidingWindow } from './sliding-window.ts'

const limiter = (): SlidingWindow =>
  new SlidingWindow(
    new SharedTable(SharedTable.createBuffer({ slots: 1_024, cells: SLIDING_WINDOW_CELLS }), 0),
    'route-1',
  )

/** Takes one at a time until refused, at most 1,000. */
function fill(window: SlidingWindow, limit: number, nowMs: number): number {
  let taken = 0
  while (taken < 1_000 && window.take('a', 1, limit, 1_000, nowMs) >= 0) taken++
  return taken
}

describe('SlidingWindow', () => {
  test('in the first window it is a plain count, aligned to the clock', () => {
    const window = limiter()
    expect([window.take('a', 1, 3, 1_000, 5_250), window.resetMs]).toEqual([2, 750])
    expect(window.take('a', 1, 3, 1_000, 5_300)).toBe(1)
    expect(window.take('a', 1, 3, 1_000, 5_300)).toBe(0)
    expect([window.take('a', 1, 3, 1_000, 5_400), window.resetMs]).toEqual([-1, 600])
  })

  test('the previous window weighs as much as its part that is still covered', () => {
    const window = limiter()
    expect(fill(window, 40, 5_500)).toBe(40)
    // 30% into the next window: 0.7 x 40 = 28 of 50 are used.
    expect(window.take('a', 0, 50, 1_000, 6_300)).toBe(22)
    expect(fill(window, 50, 6_300)).toBe(22)
  })

  test('the estimate may be a fraction: what is below the limit passes, and the remainder is rounded down', () => {
    const window = limiter()
    expect(fill(window, 3, 5_000)).toBe(3)
    // 0.75 x 3 = 2.25 of 3: one passes, and 3 - 2.25 - 1 is not less than 0 to the caller.
    expect(window.take('a', 1, 3, 1_000, 6_250)).toBe(0)
    expect(window.take('a', 1, 3, 1_000, 6_250)).toBe(-1)
  })

  test('a refused request is told when the same would pass', () => {
    const window = limiter()
    fill(window, 10, 5_000)
    fill(window, 10, 6_200)
    expect(window.take('a', 1, 10, 1_000, 6_200)).toBe(-1)
    const passesAtMs = 6_200 + window.resetMs
    expect(window.take('a', 1, 10, 1_000, passesAtMs - 1)).toBe(-1)
    expect(window.take('a', 1, 10, 1_000, passesAtMs + 1)).toBeGreaterThanOrEqual(0)
  })

  test('two windows later nothing is left', () => {
    const window = limiter()
    fill(window, 10, 5_999)
    expect(window.take('a', 0, 10, 1_000, 7_000)).toBe(10)
    expect(window.take('a', 1, 10, 1_000, 7_000)).toBe(9)
  })

  test('a limit that was lowered does not punish for what the old one allowed', () => {
    const window = limiter()
    fill(window, 100, 5_000)
    expect(window.take('a', 0, 10, 1_000, 6_500)).toBe(5)
  })

  test('a cost above 1 passes only when all of it fits', () => {
    const window = limiter()
    expect(window.take('a', 6, 10, 1_000, 5_000)).toBe(4)
    expect(window.take('a', 5, 10, 1_000, 5_000)).toBe(-1)
    expect(window.take('a', 4, 10, 1_000, 5_000)).toBe(0)
  })

  test('a clock that is a little behind counts into the newer window; one set back an hour starts anew', () => {
    const window = limiter()
    expect(fill(window, 5, 3_600_001)).toBe(5)
    expect([window.take('a', 1, 5, 1_000, 3_599_999), window.resetMs]).toEqual([-1, 1_000])
    expect(window.take('a', 1, 5, 1_000, 0)).toBe(4)
  })
})
