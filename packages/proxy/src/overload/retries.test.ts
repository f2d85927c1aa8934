import { describe, expect, test } from 'vitest'
import { seededRandom } from '../balancing/testing/seeded-random.ts'
import { BackOff } from './back-off.ts'
import { HedgePolicy } from './hedge-policy.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import { NamedCounts } from './named-counts.ts'
import { parseRetryAfter } from './retry-after.ts'
import { RetryLimit } from './retry-limit.ts'

describe('back-off', () => {
  test('is any time up to a bound that doubles, and ends', () => {
    const random = seededRandom(3)
    const backOff = new BackOff({ baseMs: 10, maxMs: 50 }, random)
    for (const [failures, bound] of [
      [1, 10],
      [2, 20],
      [3, 40],
      [4, 50],
      [60, 50],
    ]) {
      const delays = Array.from({ length: 2_000 }, () => backOff.delayMs(failures))
      expect(Math.max(...delays)).toBeLessThanOrEqual(bound)
      // Full jitter: as likely near none as near the bound.
      expect(delays.filter((delay) => delay < bound / 4).length).toBeGreaterThan(400)
      expect(delays.filter((delay) => delay > (bound * 3) / 4).length).toBeGreaterThan(400)
    }
  })
})

describe('Retry-After', () => {
  const now = Date.parse('Sun, 06 Nov 1994 08:49:37 GMT')
  test.each([
    ['0', 0],
    ['120', 120_000],
    ['Sun, 06 Nov 1994 08:49:40 GMT', 3_000],
    ['Sun, 06 Nov 1994 08:49:00 GMT', 0],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['1994-11-06', undefined],
    ['99999999999', undefined],
    ['Sun, 99 Nov 1994 08:49:37 GMT', undefined],
  ])('%j is %s', (text, expected) => expect(parseRetryAfter(text, now)).toBe(expected))

  test('of any text is a time or nothing', () => {
    const seed = Math.floor(Math.random() * 2 ** 32)
    const random = seededRandom(seed)
    const alphabet = '0123456789 SunMoGT:,ov-.\0é'
    for (let round = 0; round < 5_000; round++) {
      const text = Array.from({ length: Math.floor(random() * 32) }, () => alphabet[Math.floor(random() * 26)]).join('')
      const ms = parseRetryAfter(text, now)
      expect(ms === undefined || (ms >= 0 && Number.isFinite(ms)), `seed ${seed}: ${JSON.stringify(text)}`).toBe(true)
    }
  })
})

describe('limits of retries', () => {
  test('a budget is a share of the requests in flight, and a least number', () => {
    const limit = new RetryLimit({ budget: { percent: 20, minConcurrency: 3 } }, new NamedCounts())
    const take = (): number => {
      let count = 0
      while (limit.tryRetry() === undefined) count++
      return count
    }
    expect(take()).toBe(3)
    for (let request = 0; request < 50; request++) limit.started()
    expect(take()).toBe(7)
    expect(limit.tryRetry()).toBe('retry_budget')
    for (let request = 0; request < 50; request++) limit.finished()
    for (let retry = 0; retry < 8; retry++) limit.retried()
    expect([limit.inFlight, limit.tryRetry(), limit.tryRetry()]).toEqual([2, undefined, 'retry_budget'])
  })

  test('of both limits the lower one counts', () => {
    const limit = new RetryLimit({ maxRetries: 1, budget: { percent: 20, minConcurrency: 3 } }, new NamedCounts())
    expect([limit.tryRetry(), limit.tryRetry()]).toEqual([undefined, 'max_retries'])
  })

  test('when everything fails, what an upstream gets grows by the budget, and not by the number of retries', () => {
    const limit = new RetryLimit({ budget: { percent: 20, minConcurrency: 3 } }, new NamedCounts())
    let attempts = 0
    for (let wave = 0; wave < 100; wave++) {
      for (let request = 0; request < 100; request++) limit.started()
      let taken = 0
      for (let request = 0; request < 100; request++) {
        attempts++
        if (limit.tryRetry() !== undefined) continue
        taken++
        attempts++
      }
      for (; taken > 0; taken--) limit.retried()
      for (let request = 0; request < 100; request++) limit.finished()
    }
    expect(attempts).toBe(100 * 120)
  })
})

describe('latencies', () => {
  test('quantiles are right to a bucket', () => {
    const histogram = new LatencyHistogram()
    for (let ms = 1; ms <= 1_000; ms++) histogram.record(ms)
    for (const part of [0.5, 0.9, 0.95, 0.99]) {
      expect(histogram.quantile(part) / (part * 1_000)).toBeGreaterThan(0.99)
      expect(histogram.quantile(part) / (part * 1_000)).toBeLessThan(1.05)
    }
    histogram.halve()
    expect(histogram.count).toBeLessThan(510)
    expect(histogram.quantile(0.5) / 500).toBeCloseTo(1, 0)
    histogram.record(Infinity)
    histogram.record(Number.NaN)
    histogram.record(0)
    expect(histogram.quantile(1)).toBeGreaterThan(300_000)
  })
})

describe('hedges', () => {
  test('by a percentile begin when there is something to take it of', () => {
    const policy = new HedgePolicy({ after: { percentile: 95 }, max: 1, budgetPercent: 10 })
    expect(policy.requestDelayMs()).toBe(0)
    for (let index = 0; index < 640; index++) policy.answered(index % 20 === 0 ? 200 : 10)
    expect(policy.requestDelayMs()).toBeGreaterThan(9)
    expect(policy.requestDelayMs()).toBeLessThan(12)
  })

  test('have a budget: when all requests are slow, few are hedged', () => {
    const policy = new HedgePolicy({ after: 5, max: 1, budgetPercent: 10 })
    let hedged = 0
    for (let request = 0; request < 1_000; request++) {
      expect(policy.requestDelayMs()).toBe(5)
      if (policy.tryHedge()) hedged++
    }
    expect(hedged).toBeGreaterThanOrEqual(100)
    expect(hedged).toBeLessThanOrEqual(111)
  })
})
