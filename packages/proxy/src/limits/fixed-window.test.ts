import { describe, expect, test } from 'vitest'
import { FIXED_WINDOW_CELLS, FixedWindow } from './fixed-window.ts'
import { SharedTable } from './shared-table.ts'

const limiter = (scope = 'route-1'): FixedWindow =>
  new FixedWindow(new SharedTable(SharedTable.createBuffer({ slots: 1_024, cells: FIXED_WINDOW_CELLS }), 0), scope)

describe('FixedWindow', () => {
  test('the first request opens the window; the limit holds until it ends', () => {
    const window = limiter()
    expect([window.take('a', 1, 2, 1_000, 5_000), window.resetMs]).toEqual([1, 1_000])
    expect([window.take('a', 1, 2, 1_000, 5_400), window.resetMs]).toEqual([0, 600])
    expect([window.take('a', 1, 2, 1_000, 5_999), window.resetMs]).toEqual([-1, 1])
    expect([window.take('a', 1, 2, 1_000, 6_000), window.resetMs]).toEqual([1, 1_000])
  })

  test('keys and scopes count apart', () => {
    const buffer = SharedTable.createBuffer({ slots: 1_024, cells: FIXED_WINDOW_CELLS })
    const one = new FixedWindow(new SharedTable(buffer, 0), 'route-1')
    const same = new FixedWindow(new SharedTable(buffer, 1), 'route-1')
    const two = new FixedWindow(new SharedTable(buffer, 1), 'route-2')
    expect(one.take('a', 1, 1, 1_000, 0)).toBe(0)
    expect(same.take('a', 1, 1, 1_000, 0)).toBe(-1)
    expect(one.take('b', 1, 1, 1_000, 0)).toBe(0)
    expect(two.take('a', 1, 1, 1_000, 0)).toBe(0)
  })

  test('a cost that does not fit is refused and leaves the rest; a cost of 0 only looks', () => {
    const window = limiter()
    expect([window.take('a', 0, 10, 1_000, 0), window.resetMs]).toEqual([10, 1_000])
    expect(window.take('a', 8, 10, 1_000, 100)).toBe(2)
    expect(window.take('a', 3, 10, 1_000, 100)).toBe(-1)
    expect([window.take('a', 0, 10, 1_000, 600), window.resetMs]).toEqual([2, 500])
    expect(window.take('a', 2, 10, 1_000, 1_099)).toBe(0)
  })

  test('a limit that is changed applies to the window that is open', () => {
    const window = limiter()
    for (let count = 0; count < 5; count++) window.take('a', 1, 5, 1_000, 0)
    expect(window.take('a', 1, 5, 1_000, 1)).toBe(-1)
    expect(window.take('a', 1, 7, 1_000, 2)).toBe(1)
    expect(window.take('a', 1, 3, 1_000, 3)).toBe(-1)
  })

  test('a clock that is a little behind stays in the window; one that was set back an hour opens a new one', () => {
    const window = limiter()
    expect(window.take('a', 1, 1, 1_000, 3_600_000)).toBe(0)
    expect(window.take('a', 1, 1, 1_000, 3_599_800)).toBe(-1)
    expect([window.take('a', 1, 1, 1_000, 0), window.resetMs]).toEqual([0, 1_000])
    expect(window.take('a', 1, 1, 1_000, 1)).toBe(-1)
  })
})
