import { describe, expect, test } from 'vitest'
import { BUCKET_SLOTS, SharedTable } from './shared-table.ts'

const table = (slots: number, cells = 1): SharedTable => new SharedTable(SharedTable.createBuffer({ slots, cells }), 0)

/** Stores `value` under `key` until `expiresAtMs`. */
function put(into: SharedTable, key: string, value: number, expiresAtMs: number, nowMs = 0): void {
  const slot = into.acquire(into.scope('test'), key, nowMs)
  into.cells[slot * into.cellsPerSlot] = value
  into.expiresAtMs[slot] = expiresAtMs
  into.release(slot)
}

function get(from: SharedTable, key: string, nowMs = 0): number | undefined {
  const slot = from.find(from.scope('test'), key, nowMs)
  if (slot < 0) return undefined
  const value = from.cells[slot * from.cellsPerSlot]
  from.release(slot)
  return value
}

describe('SharedTable', () => {
  test('finds what was stored, from another view of the same buffer as well', () => {
    const first = table(1_024)
    const second = new SharedTable(first.buffer, 1)
    put(first, 'a', 41, 100)
    put(second, 'b', 42, 100)
    expect(get(second, 'a')).toBe(41)
    expect(get(first, 'b')).toBe(42)
    expect(get(first, 'c')).toBeUndefined()
  })

  test('a key in another scope is another key', () => {
    const shared = table(1_024)
    put(shared, 'a', 1, 100)
    const slot = shared.acquire(shared.scope('other'), 'a', 0)
    expect(shared.fresh).toBe(true)
    shared.release(slot)
    expect(get(shared, 'a')).toBe(1)
  })

  test('an expired key is gone, and comes back with cells of 0', () => {
    const shared = table(1_024, 2)
    put(shared, 'a', 7, 100)
    expect(get(shared, 'a', 99)).toBe(7)
    expect(get(shared, 'a', 100)).toBeUndefined()
    const slot = shared.acquire(shared.scope('test'), 'a', 100)
    expect([shared.fresh, shared.cells[slot * 2], shared.cells[slot * 2 + 1], shared.expiresAtMs[slot]]).toEqual([
      true,
      0,
      0,
      0,
    ])
    shared.release(slot)
  })

  test('a bucket of live keys evicts the one nearest to its expiry, and counts it', () => {
    const shared = table(BUCKET_SLOTS)
    for (let index = 0; index < BUCKET_SLOTS; index++)
      put(shared, `key-${index}`, index, 1_000 + ((index + 5) % BUCKET_SLOTS))
    expect(shared.evictions).toBe(0)
    put(shared, 'one more', 99, 2_000)
    expect(shared.evictions).toBe(1)
    // (11 + 5) % 16 = 0 was the first to expire.
    expect(get(shared, 'key-11')).toBeUndefined()
    for (let index = 0; index < BUCKET_SLOTS; index++) if (index !== 11) expect(get(shared, `key-${index}`)).toBe(index)
    expect(get(shared, 'one more')).toBe(99)
  })

  test('expired slots are reused before a live one is evicted', () => {
    const shared = table(BUCKET_SLOTS)
    for (let index = 0; index < BUCKET_SLOTS; index++) put(shared, `old-${index}`, index, 10)
    for (let index = 0; index < BUCKET_SLOTS; index++) put(shared, `new-${index}`, index, 50, 10)
    expect(shared.evictions).toBe(0)
    for (let index = 0; index < BUCKET_SLOTS; index++) expect(get(shared, `new-${index}`, 10)).toBe(index)
  })

  test('half full, no more than 1 in 100 keys is evicted', () => {
    const shared = new SharedTable(SharedTable.createBuffer({ slots: 16_384, cells: 1, seed: [20_250_101, -77] }), 0)
    for (let index = 0; index < 8_192; index++) put(shared, `192.0.2.${index}`, index, 100)
    expect(shared.evictions).toBeLessThan(82)
  })

  test('every table has a seed of its own', () => {
    const one = table(1_024).scope('a')
    const two = table(1_024).scope('a')
    expect([one.seed0, one.seed1]).not.toEqual([two.seed0, two.seed1])
  })

  test('the locks of a dead worker can be released, and only those', () => {
    const buffer = SharedTable.createBuffer({ slots: 1_024, cells: 1 })
    const dead = new SharedTable(buffer, 3)
    const alive = new SharedTable(buffer, 4)
    const held = dead.acquire(dead.scope('test'), 'a', 0)
    expect(alive.releaseLocksOf(2)).toBe(0)
    expect(alive.releaseLocksOf(3)).toBe(1)
    expect(alive.releaseLocksOf(3)).toBe(0)
    put(alive, 'a', 5, 100)
    dead.release(held)
    expect(get(alive, 'a')).toBe(5)
  })

  test('a lock that nobody releases is taken over, and its late owner does not free it', () => {
    const buffer = SharedTable.createBuffer({ slots: BUCKET_SLOTS, cells: 1 })
    const dead = new SharedTable(buffer, 3)
    const alive = new SharedTable(buffer, 4, 5)
    const held = dead.acquire(dead.scope('test'), 'a', 0)
    const slot = alive.acquire(alive.scope('test'), 'a', 0)
    expect(alive.takeovers).toBe(1)
    dead.release(held)
    expect(alive.releaseLocksOf(4)).toBe(1)
    alive.release(slot)
  })

  test('says its size, and refuses one that is not possible', () => {
    expect(SharedTable.createBuffer({ slots: 65_536, cells: 3 }).byteLength).toBe(64 + 4_096 * 4 + 65_536 * 40)
    expect(SharedTable.bytes(65_536, 3)).toBe(2_637_888)
    expect(() => SharedTable.createBuffer({ slots: 1_000, cells: 1 })).toThrow(
      'slots must be a power of two from 16 to 16777216, not 1000',
    )
    expect(() => SharedTable.createBuffer({ slots: 8, cells: 1 })).toThrow('slots must be a power of two')
    expect(() => SharedTable.createBuffer({ slots: 16, cells: 0 })).toThrow(
      'cells must be an integer from 1 to 1024, not 0',
    )
  })
})
