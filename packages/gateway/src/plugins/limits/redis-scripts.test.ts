import { FixedWindow, LeakyBucket, SharedTable } from '@sekisho/proxy'
import { expect, it } from 'vitest'
import { redisServer, startRedis } from '../../redis/testing/start-redis.ts'
import { FIXED_WINDOW, GIVE_BACK_FIXED, LEAKY_BUCKET, SLIDING_WINDOW } from './redis-scripts.ts'

const table = (): SharedTable => new SharedTable(SharedTable.createBuffer({ slots: 1_024, cells: 3 }), 0)

/** Numbers from 0 to below `end`, the same for the same seed (mulberry32). */
function random(seed: number): (end: number) => number {
  let state = seed
  return (end) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end)
  }
}

const HOUR_MS = 3_600_000

it.skipIf(redisServer === undefined)(
  'a fixed window grants what that of a node does (needs redis-server)',
  async () => {
    const client = (await startRedis()).client()
    const seed = Date.now() % 1e9
    const pick = random(seed)
    for (let round = 0; round < 20; round++) {
      const local = new FixedWindow(table(), 'w')
      const limit = 1 + pick(50)
      for (let step = 0; step < 20; step++) {
        const wanted = 1 + pick(6)
        let granted = 0
        for (let at = 0; at < wanted; at++) if (local.take('k', 1, limit, HOUR_MS, 1_000) >= 0) granted++
        const remaining = Math.max(0, local.take('k', 0, limit, HOUR_MS, 1_000))
        const reply = await client.eval(FIXED_WINDOW.text, 1, `w${round}`, wanted, wanted, limit, HOUR_MS)
        expect((reply as number[]).slice(0, 2), `seed ${seed}`).toEqual([granted, remaining])
      }
    }
  },
)

it.skipIf(redisServer === undefined)(
  'a share is an eighth of what is left, or what waits (needs redis-server)',
  async () => {
    const client = (await startRedis()).client()
    const take = async (needed: number, wanted: number): Promise<number[]> =>
      ((await client.eval(FIXED_WINDOW.text, 1, 'w', needed, wanted, 80, HOUR_MS)) as number[]).slice(0, 2)
    expect(await take(1, 1_000)).toEqual([10, 70])
    expect(await take(20, 1_000)).toEqual([20, 50])
    expect(await take(1, 2)).toEqual([2, 48])
    expect(await take(60, 60)).toEqual([48, 0])
    expect(await client.eval(GIVE_BACK_FIXED.text, 1, 'w', 5, HOUR_MS)).toBe(5)
    expect(await take(9, 9)).toEqual([5, 0])
    // Of a window that began later than the one in which it was taken.
    expect(await client.eval(GIVE_BACK_FIXED.text, 1, 'w', 5, HOUR_MS / 2)).toBe(0)
    expect(await client.eval(GIVE_BACK_FIXED.text, 1, 'none', 5, HOUR_MS)).toBe(0)
  },
)

it.skipIf(redisServer === undefined)('a sliding window weighs the one before (needs redis-server)', async () => {
  const client = (await startRedis()).client()
  const windowMs = 1_000_000_000
  const [seconds, micros] = (await client.time()) as unknown as [string, string]
  const nowMs = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
  const startMs = nowMs - (nowMs % windowMs)
  const part = (startMs + windowMs - nowMs) / windowMs
  await client.hset('w', 'start', startMs - windowMs, 'current', 100, 'previous', 7)
  const fits = 200 - Math.floor(100 * part)
  const [granted, remaining, leftMs] = (await client.eval(
    SLIDING_WINDOW.text,
    1,
    'w',
    500,
    500,
    200,
    windowMs,
  )) as number[]
  // The part gets less while the test runs.
  expect(granted).toBeGreaterThanOrEqual(fits)
  expect(granted).toBeLessThanOrEqual(fits + 1)
  expect(remaining).toBe(0)
  expect(Math.abs(leftMs - part * windowMs)).toBeLessThan(5_000)
  expect(await client.hmget('w', 'start', 'current', 'previous')).toEqual([String(startMs), String(granted), '100'])
})

it.skipIf(redisServer === undefined)('a bucket takes what that of a node does (needs redis-server)', async () => {
  const client = (await startRedis()).client()
  const seed = Date.now() % 1e9
  const pick = random(seed)
  for (let round = 0; round < 20; round++) {
    const local = new LeakyBucket(table(), 'b')
    const burst = pick(20)
    for (let step = 0; step < 5; step++) {
      const wanted = 1 + pick(8)
      let granted = 0
      // So slow that nothing leaks while the test runs.
      for (let at = 0; at < wanted; at++) if (local.take('k', 1e-6, burst, 1_000) >= 0) granted++
      const reply = await client.eval(LEAKY_BUCKET.text, 1, `b${round}`, wanted, 1e-6, burst)
      expect((reply as [number, string])[0], `seed ${seed}`).toBe(granted)
    }
  }
})
