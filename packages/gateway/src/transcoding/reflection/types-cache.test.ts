import { expect, test } from 'vitest'
import { REFRESH_MS, RETRY_MS, TypesCache } from './types-cache.ts'

/** A cache, a clock, and an upstream whose version counts up. */
function setUp() {
  const state = { now: 1_000, fetches: 0, failing: false }
  const cache = new TypesCache<number>(() => state.now)
  const fetch = (): Promise<number> => {
    state.fetches++
    return state.failing ? Promise.reject(new Error('down')) : Promise.resolve(state.fetches)
  }
  return { state, get: (needed: number) => cache.get((value) => value >= needed, fetch) }
}

test('is fetched once for all who wait', async () => {
  const { state, get } = setUp()
  expect(await Promise.all([get(1), get(1), get(1)])).toEqual([1, 1, 1])
  expect(await get(1)).toBe(1)
  expect(state.fetches).toBe(1)
})

test('is fetched again when it does not suffice, now and then', async () => {
  const { state, get } = setUp()
  await get(1)
  expect(await get(2)).toBe(1)
  state.now += REFRESH_MS
  expect(await get(2)).toBe(2)
  expect(await get(3)).toBe(2)
  expect(state.fetches).toBe(2)
})

test('a failure is told to all for a while', async () => {
  const { state, get } = setUp()
  state.failing = true
  await expect(get(1)).rejects.toThrow('down')
  state.failing = false
  await expect(get(1)).rejects.toThrow('down')
  expect(state.fetches).toBe(1)
  state.now += RETRY_MS
  expect(await get(1)).toBe(2)
})

test('what was known is kept when it cannot be fetched again', async () => {
  const { state, get } = setUp()
  await get(1)
  state.failing = true
  state.now += REFRESH_MS
  expect(await get(2)).toBe(1)
})
