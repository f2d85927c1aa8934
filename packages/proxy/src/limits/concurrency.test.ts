import { describe, expect, test } from 'vitest'
import { Concurrency, forgetWorker, IN_FLIGHT_TTL_MS } from './concurrency.ts'
import { SharedTable } from './shared-table.ts'

const buffer = (): SharedArrayBuffer => SharedTable.createBuffer({ slots: 1_024, cells: 2 })

describe('Concurrency', () => {
  test('up to conn at once, burst more with a delay, then refused', () => {
    const limiter = new Concurrency(new SharedTable(buffer(), 0), 'route-1', 0)
    expect([limiter.enter('a', 2, 3, 0.1, 0), limiter.inFlight]).toEqual([0, 1])
    expect(limiter.enter('a', 2, 3, 0.1, 0)).toBe(0)
    expect([limiter.enter('a', 2, 3, 0.1, 0), limiter.inFlight]).toEqual([0.1, 3])
    expect(limiter.enter('a', 2, 3, 0.1, 0)).toBe(0.1)
    expect(limiter.enter('a', 2, 3, 0.1, 0)).toBe(0.2)
    expect([limiter.enter('a', 2, 3, 0.1, 0), limiter.inFlight]).toEqual([-1, 5])
    limiter.leave('a', 0)
    expect(limiter.enter('a', 2, 3, 0.1, 0)).toBe(0.2)
    expect(limiter.enter('b', 2, 3, 0.1, 0)).toBe(0)
  })

  test('the delay follows the latency, unless none is given', () => {
    const limiter = new Concurrency(new SharedTable(buffer(), 0), 'route-1', 0)
    limiter.enter('a', 1, 5, 0.1, 0)
    limiter.enter('a', 1, 5, 0.1, 0)
    limiter.leave('a', 0, 0.5)
    expect(limiter.unitDelay).toBe(0.3)
    expect(limiter.enter('a', 1, 5, 0.1, 0)).toBe(0.3)
    limiter.leave('a', 0)
    expect(limiter.unitDelay).toBe(0.3)
  })

  test('workers see one count, and what a crashed one had in flight is given back', () => {
    const shared = buffer()
    const first = new Concurrency(new SharedTable(shared, 0), 'route-1', 0)
    const second = new Concurrency(new SharedTable(shared, 1), 'route-1', 1)
    first.enter('a', 3, 0, 0.1, 0)
    first.enter('a', 3, 0, 0.1, 0)
    first.enter('b', 3, 0, 0.1, 0)
    second.enter('a', 3, 0, 0.1, 0)
    expect(second.enter('a', 3, 0, 0.1, 0)).toBe(-1)
    const control = new SharedTable(shared, 99)
    expect(forgetWorker(control, 0)).toBe(3)
    expect(forgetWorker(control, 0)).toBe(0)
    expect([second.enter('a', 3, 0, 0.1, 0), second.inFlight]).toEqual([0, 2])
  })

  test('the last to leave frees the slot, and leaving twice takes nothing from others', () => {
    const shared = buffer()
    const table = new SharedTable(shared, 0)
    const first = new Concurrency(table, 'route-1', 0)
    const second = new Concurrency(new SharedTable(shared, 1), 'route-1', 1)
    first.enter('a', 5, 0, 0.1, 0)
    second.enter('a', 5, 0, 0.1, 0)
    first.leave('a', 0)
    first.leave('a', 0)
    second.enter('a', 5, 0, 0.1, 0)
    expect(second.inFlight).toBe(2)
    second.leave('a', 0)
    second.leave('a', 0)
    let live = 0
    table.forEachSlot(() => live++)
    expect(live).toBe(0)
  })

  test('what is in flight is forgotten an hour after the last one entered', () => {
    const limiter = new Concurrency(new SharedTable(buffer(), 0), 'route-1', 0)
    limiter.enter('a', 1, 0, 0.1, 0)
    expect(limiter.enter('a', 1, 0, 0.1, IN_FLIGHT_TTL_MS - 1)).toBe(-1)
    expect(limiter.enter('a', 1, 0, 0.1, IN_FLIGHT_TTL_MS)).toBe(0)
  })

  test('a worker for which the table has no cell is refused when it is made', () => {
    expect(() => new Concurrency(new SharedTable(buffer(), 2), 'x', 2)).toThrow(
      'the table has cells for 2 workers; there is none for worker 2',
    )
  })
})
