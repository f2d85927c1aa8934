import { describe, expect, test } from 'vitest'
import { seededRandom } from '../balancing/testing/seeded-random.ts'
import { GradientLimit } from './gradient-limit.ts'
import { arrivals, percentile, SimulatedService, Simulation } from './testing/simulated-service.ts'

interface Run {
  readonly served: number
  readonly refused: number
  readonly latencies: readonly number[]
  readonly limits: readonly number[]
}

/** A service behind the limit, and so many requests a second. What is counted begins after `from`. */
function run(options: {
  readonly seed: number
  readonly rate: (now: number) => number
  readonly seconds: number
  readonly from: number
  readonly slots?: number
  readonly change?: (service: SimulatedService, now: number) => void
}): Run {
  const simulation = new Simulation()
  const random = seededRandom(options.seed)
  const service = new SimulatedService(simulation, random, options.slots ?? 20, 10)
  const limit = new GradientLimit({ minRttIntervalMs: 10_000 }, random)
  const latencies: number[] = []
  const limits: number[] = []
  let inFlight = 0
  let refused = 0
  const counts = (): boolean => simulation.now >= options.from
  arrivals(simulation, random, options.rate, options.seconds * 1_000, () => {
    options.change?.(service, simulation.now)
    if (inFlight >= limit.limit) {
      if (counts()) refused++
      return
    }
    inFlight++
    service.request((latency) => {
      limit.sample(latency, inFlight, simulation.now)
      inFlight--
      if (!counts()) return
      latencies.push(latency)
      limits.push(limit.limit)
    })
  })
  simulation.runUntil(options.seconds * 1_000 + 5_000)
  return { served: latencies.length, refused, latencies, limits }
}

/** 20 slots of 10 ms. */
const CAPACITY = 2_000

describe.each([1, 2, 3, 4, 5])('seed %d', (seed) => {
  test('at three times the capacity of the upstream: its whole capacity is used, and no queue grows', () => {
    const { served, latencies } = run({ seed, rate: () => 3 * CAPACITY, seconds: 40, from: 5_000 })
    expect(served / 35).toBeGreaterThan(0.85 * CAPACITY)
    // Alone a request takes 15 ms at most.
    expect(percentile(latencies, 0.99)).toBeLessThan(5 * 15)
  })

  test('at half of the capacity: next to nothing is refused', () => {
    const { served, refused } = run({ seed, rate: () => CAPACITY / 2, seconds: 40, from: 5_000 })
    expect(refused / (served + refused)).toBeLessThan(0.02)
  })

  test('follows an upstream that loses half of its capacity, and gets it back', () => {
    const { served, latencies } = run({
      seed,
      rate: () => 2 * CAPACITY,
      seconds: 60,
      from: 5_000,
      change: (service, now) => (service.slots = now > 20_000 && now < 40_000 ? 10 : 20),
    })
    expect(served).toBeGreaterThan(0.8 * (35 * CAPACITY + 20 * (CAPACITY / 2)))
    expect(percentile(latencies, 0.99)).toBeLessThan(8 * 15)
  })
})

describe('the measurement of the least latency', () => {
  const fill = (limit: GradientLimit, count: number, latency: number, inFlight: number, from: number): void => {
    for (let index = 0; index < count; index++) limit.sample(latency, inFlight, from + index)
  }

  test('is the first thing, and goes without a fall of the limit', () => {
    const limit = new GradientLimit()
    expect(limit.limit).toBe(20)
    fill(limit, 50, 10, 2, 1_000)
    expect(limit.minRttMs).toBeCloseTo(10, 0)
    expect(limit.measuring).toBe(false)
  })

  test('costs nothing while there is little to do', () => {
    const limit = new GradientLimit({ minRttIntervalMs: 1_000 }, () => 0)
    fill(limit, 50, 10, 2, 0)
    fill(limit, 300, 12, 3, 2_000)
    expect(limit.measuring).toBe(false)
    expect(limit.minRttMs).toBeCloseTo(12, 0)
  })

  test('lowers the limit when there is much to do, takes no request of before, and gives the limit back', () => {
    const limit = new GradientLimit({ minRttIntervalMs: 1_000, minConcurrency: 3 }, () => 0)
    fill(limit, 50, 10, 20, 0)
    fill(limit, 20, 30, 20, 1_200)
    expect(limit.measuring).toBe(true)
    expect(limit.limit).toBe(3)
    // Sent before the fall.
    for (let count = 0; count < 100; count++) limit.sample(1_000, 3, 1_300)
    expect(limit.measuring).toBe(true)
    fill(limit, 50, 11, 3, 1_400)
    expect(limit.measuring).toBe(false)
    expect(limit.minRttMs).toBeCloseTo(11, 0)
    expect(limit.limit).toBeGreaterThan(3)
  })
})

test('a node that is slower for a reason of its own is not starved', () => {
  const simulation = new Simulation()
  const random = seededRandom(11)
  const service = new SimulatedService(simulation, random, 20, 10)
  const limit = new GradientLimit({ minRttIntervalMs: 60_000 }, random)
  let inFlight = 0
  arrivals(
    simulation,
    random,
    () => 3 * CAPACITY,
    30_000,
    () => {
      if (inFlight >= limit.limit) return
      inFlight++
      service.request((latency) => {
        // A network that has become longer: 20 ms that no request waits in a line.
        const way = simulation.now > 10_000 ? 20 : 0
        simulation.schedule(way, () => {
          limit.sample(latency + way, inFlight, simulation.now)
          inFlight--
        })
      })
    },
  )
  simulation.runUntil(10_000)
  const before = service.served
  simulation.runUntil(30_000)
  // 25 in flight of which each takes 30 ms: no more can be had until the least latency is measured again.
  expect((service.served - before) / 20).toBeGreaterThan(0.35 * CAPACITY)
})

test('the limit stays where nobody asks for more', () => {
  const limit = new GradientLimit({}, () => 0)
  for (let now = 0; now < 10_000; now += 10) limit.sample(10, 2, now)
  expect(limit.limit).toBe(20)
})

test('is never outside of its bounds', () => {
  const random = seededRandom(7)
  const limit = new GradientLimit({ minConcurrency: 4, maxConcurrency: 64, minRttIntervalMs: 500 }, random)
  for (let now = 0; now < 20_000; now += 1) {
    limit.sample(random() ** 4 * 2_000, Math.floor(random() * 100), now)
    expect(limit.limit).toBeGreaterThanOrEqual(4)
    expect(limit.limit).toBeLessThanOrEqual(64)
  }
})
