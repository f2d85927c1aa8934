import { describe, expect, test } from 'vitest'
import { seededRandom } from '../balancing/testing/seeded-random.ts'
import { LoadShedder, type ShedderReport } from './load-shedder.ts'
import { percentile } from './testing/simulated-service.ts'

/** What a request costs the thread, ms: to serve it, and to refuse it. */
const COST = 0.1
const REFUSAL = 0.005
/** Requests a second that it can serve. */
const CAPACITY = 1_000 / COST

interface Run {
  readonly served: Float64Array
  readonly latencies: readonly number[]
  readonly arrived: Float64Array
  readonly reports: readonly [boolean, ShedderReport][]
  /** Ms after the overload until a whole second went by in which all were served. */
  readonly recoveredAfter: number
}

/**
 * An event loop: a turn takes all that has come since the last one, and lasts as long as that costs. `rate` is requests a second by time (ms).
 */
function run(options: {
  readonly seed: number
  readonly rate: (now: number) => number
  readonly urgencyOf: (random: () => number) => number
  readonly from: number
  readonly until: number
  readonly end?: number
}): Run {
  const random = seededRandom(options.seed)
  const reports: [boolean, ShedderReport][] = []
  let now = 0
  let carry = 0
  let busy = 0
  let askedAt = 0
  const shedder = new LoadShedder({
    targetMs: 5,
    intervalMs: 100,
    maxRequests: 0,
    utilisation() {
      const part = busy / (now - askedAt)
      askedAt = now
      busy = 0
      return part
    },
    now: () => now + carry,
    onChange: (shedding, report) => reports.push([shedding, report]),
  })
  const served = new Float64Array(8)
  const arrived = new Float64Array(8)
  const latencies: number[] = []
  let nextLook = 5
  let lastRefusal = 0
  while (now < (options.end ?? options.until)) {
    const began = now
    // A turn at least half a millisecond after the last one: so long it sleeps when nothing comes.
    const before = now
    busy += carry
    now += Math.max(0.5, carry)
    const rate = options.rate(before)
    const expected = ((now - began) * rate) / 1_000
    const count = Math.floor(expected + random())
    carry = 0
    const waits: number[] = []
    for (let index = 0; index < count; index++) {
      const urgency = options.urgencyOf(random)
      const counts = now >= options.from && now < options.until
      if (counts) arrived[urgency]++
      if (shedder.admit(urgency)) {
        carry += COST * (0.5 + random())
        if (counts) served[urgency]++
        waits.push((now - began) * random())
        shedder.finished()
      } else {
        carry += REFUSAL
        lastRefusal = now
      }
    }
    // Done at the end of the turn that they are served in.
    if (now >= options.from && now < options.until) for (const wait of waits) latencies.push(wait + carry)
    if (now >= nextLook) {
      shedder.look(Math.max(0, now - nextLook - 1), now)
      nextLook = now + 5
    }
  }
  return { served, arrived, latencies, reports, recoveredAfter: Math.max(0, lastRefusal - options.until) }
}

const total = (counts: Float64Array): number => counts.reduce((sum, count) => sum + count, 0)
/** A fifth each of 1, 2, 3, 5 and 7. */
const mixed = (random: () => number): number => [1, 2, 3, 5, 7][Math.floor(random() * 5)]

describe.each([1, 2, 3, 4, 5])('seed %d', (seed) => {
  test('three times what can be served: most of what could be is served, in little time', () => {
    const { served, latencies, arrived } = run({
      seed,
      rate: () => 3 * CAPACITY,
      urgencyOf: () => 3,
      from: 5_000,
      until: 35_000,
    })
    // What the refusals cost is lost for all.
    const possible = (30 * CAPACITY * (COST - 3 * REFUSAL)) / (COST - REFUSAL)
    expect(total(arrived)).toBeGreaterThan(85 * CAPACITY)
    expect(total(served)).toBeGreaterThan(0.9 * possible)
    expect(percentile(latencies, 0.99)).toBeLessThan(50)
  })

  test('the least urgent go first', () => {
    const { served, arrived } = run({
      seed,
      rate: () => 2 * CAPACITY,
      urgencyOf: mixed,
      from: 5_000,
      until: 35_000,
    })
    const part = (urgency: number): number => served[urgency] / arrived[urgency]
    expect(part(1)).toBeGreaterThan(0.98)
    expect(part(2)).toBeGreaterThan(0.9)
    expect(part(5)).toBeLessThan(0.15)
    expect(part(7)).toBeLessThan(0.05)
  })

  test('all are served again soon after the overload', () => {
    const { recoveredAfter, reports } = run({
      seed,
      rate: (now) => (now < 20_000 ? 3 * CAPACITY : 0.7 * CAPACITY),
      urgencyOf: mixed,
      from: 0,
      until: 20_000,
      end: 30_000,
    })
    expect(recoveredAfter).toBeLessThan(3_000)
    expect(reports.at(-1)?.[0]).toBe(false)
    expect(reports.at(-1)?.[1].shed).toBeGreaterThan(0)
  })

  test('nothing is refused at 80% of what can be served', () => {
    const { reports, served, arrived } = run({
      seed,
      rate: () => 0.8 * CAPACITY,
      urgencyOf: mixed,
      from: 0,
      until: 30_000,
    })
    expect(reports).toEqual([])
    expect(total(served)).toBe(total(arrived))
  })
})

describe('a late event loop', () => {
  const make = (): { shedder: LoadShedder; changes: boolean[] } => {
    const changes: boolean[] = []
    const shedder = new LoadShedder({
      targetMs: 10,
      intervalMs: 100,
      maxRequests: 0,
      utilisation: () => 1,
      onChange: (shedding) => changes.push(shedding),
    })
    return { shedder, changes }
  }

  test('once is no overload', () => {
    const { shedder, changes } = make()
    for (let now = 0; now < 1_000; now += 5) shedder.look(now === 500 ? 400 : 0, now)
    expect(changes).toEqual([])
  })

  test('at every look of an interval is', () => {
    const { shedder, changes } = make()
    for (let now = 0; now < 120; now += 20) {
      for (let one = 0; one < 10; one++) shedder.admit()
      shedder.look(15, now + 1)
    }
    expect(changes).toEqual([true])
    expect(shedder.shedding).toBe(true)
  })
})

test('streams that do not finish are let in again when the loop has time', () => {
  const admitted: number[] = []
  let late = 50
  const options = { targetMs: 5, intervalMs: 100, maxRequests: 0, utilisation: () => (late > 0 ? 1 : 0.2) }
  const shedder = new LoadShedder(options)
  for (let second = 0; second < 20; second++) {
    late = second < 5 ? 50 : 0
    let count = 0
    for (let ms = 0; ms < 1_000; ms += 10) {
      for (let one = 0; one < 5; one++) if (shedder.admit()) count++
      shedder.look(late, second * 1_000 + ms + 1)
    }
    admitted.push(count)
  }
  expect(admitted[4]).toBeGreaterThan(0)
  expect(admitted[4]).toBeLessThan(30)
  expect(admitted.at(-1)).toBe(500)
  expect(shedder.shedding).toBe(false)
})

describe('a limit of requests in flight', () => {
  test('leaves its last places to the urgent', () => {
    const shedder = new LoadShedder({ targetMs: Infinity, intervalMs: 100, maxRequests: 100, utilisation: () => 1 })
    const enter = (urgency: number): number => {
      let count = 0
      while (shedder.admit(urgency)) count++
      return count
    }
    expect(enter(7)).toBe(60)
    expect(enter(5)).toBe(20)
    expect(enter(3)).toBe(20)
    expect(enter(0)).toBe(0)
    expect(shedder.inFlight).toBe(100)
    expect([...shedder.shed]).toEqual([1, 0, 0, 1, 0, 1, 0, 1])
    shedder.finished()
    expect(shedder.admit(3)).toBe(true)
  })
})
