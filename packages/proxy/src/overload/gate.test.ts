import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SharedCounts } from '../balancing/shared-counts.ts'
import { Gate, type GateOptions } from './gate.ts'
import { GradientLimit } from './gradient-limit.ts'
import { NamedCounts } from './named-counts.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Someone who waits, and what became of it. */
class Waiting {
  outcome: string = 'waits'
  onAdmitted(): void {
    this.outcome = 'admitted'
  }
  onRefused(reason: string): void {
    this.outcome = reason
  }
}

const gate = (options: GateOptions): Gate => new Gate({ counts: new NamedCounts(), ...options })

describe('a full gate', () => {
  test('refuses by the limit that is reached, and lets in again what leaves', () => {
    const requests = gate({ maxRequests: 2 })
    expect([requests.enter(), requests.enter(), requests.enter()]).toEqual([undefined, undefined, 'max_requests'])
    requests.leave(-1)
    expect(requests.enter()).toBeUndefined()
    const connections = gate({ maxConnections: 1, maxRequests: 5 })
    connections.enter()
    expect(connections.enter()).toBe('max_connections')
    expect(connections.inFlight).toBe(1)
  })

  test('has some wait, in their order, and no more than that', () => {
    const full = gate({ maxRequests: 1, maxPendingRequests: 2 })
    full.enter()
    const waiting = [new Waiting(), new Waiting(), new Waiting()]
    expect(waiting.map((one) => full.wait(one))).toEqual([undefined, undefined, 'max_pending_requests'])
    full.leave(-1)
    expect(waiting.map(({ outcome }) => outcome)).toEqual(['admitted', 'waits', 'waits'])
    // The first in line goes first.
    expect(full.enter()).toBe('max_requests')
    full.leave(-1)
    expect(waiting[1].outcome).toBe('admitted')
    expect([full.inFlight, full.pending]).toEqual([1, 0])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('has them wait no longer than its time limit', () => {
    const full = gate({ maxRequests: 1, maxPendingRequests: 5, pendingTimeoutMs: 100 })
    full.enter()
    const waiting = new Waiting()
    full.wait(waiting)
    vi.advanceTimersByTime(99)
    expect(waiting.outcome).toBe('waits')
    vi.advanceTimersByTime(10)
    expect(waiting.outcome).toBe('pending_timeout')
    expect([full.pending, vi.getTimerCount()]).toEqual([0, 0])
  })

  test('forgets who does not wait any more', () => {
    const full = gate({ maxRequests: 1, maxPendingRequests: 1 })
    full.enter()
    const gone = new Waiting()
    full.wait(gone)
    full.cancel(gone)
    full.cancel(gone)
    const next = new Waiting()
    expect(full.wait(next)).toBeUndefined()
    full.leave(-1)
    expect([gone.outcome, next.outcome]).toEqual(['waits', 'admitted'])
  })
})

describe('urgency', () => {
  test('goes first in line, and takes the place of the least urgent', () => {
    const full = gate({ maxRequests: 1, maxPendingRequests: 2 })
    full.enter()
    const [low, usual, high] = [new Waiting(), new Waiting(), new Waiting()]
    full.wait(low, 6)
    full.wait(usual, 3)
    expect(full.wait(new Waiting(), 6)).toBe('max_pending_requests')
    expect(full.wait(high, 0)).toBeUndefined()
    expect(low.outcome).toBe('max_pending_requests')
    full.leave(-1)
    expect([high.outcome, usual.outcome]).toEqual(['admitted', 'waits'])
  })

  test('below the default leaves a part of the limit to others', () => {
    const some = gate({ maxRequests: 10 })
    const enter = (urgency: number): number => {
      let count = 0
      while (some.enter(urgency) === undefined) count++
      return count
    }
    expect([enter(7), enter(5), enter(3)]).toEqual([6, 2, 2])
  })
})

test('threads share the limit exactly, and hear of each other in time', () => {
  const buffer = SharedCounts.createBuffer({ workers: 2, slots: 64 })
  const [one, other] = [0, 1].map((worker) =>
    gate({ maxRequests: 3, maxPendingRequests: 1, counts: new SharedCounts(buffer, worker).of('upstreams/1') }),
  )
  expect([one.enter(), other.enter(), one.enter(), other.enter()]).toEqual([
    undefined,
    undefined,
    undefined,
    'max_requests',
  ])
  const waiting = new Waiting()
  expect(other.wait(waiting)).toBeUndefined()
  expect(one.wait(new Waiting())).toBe('max_pending_requests')
  one.leave(-1)
  expect(waiting.outcome).toBe('waits')
  vi.advanceTimersByTime(5)
  expect(waiting.outcome).toBe('admitted')
  expect(one.inFlight).toBe(3)
})

test('a limit that adapts is one more', () => {
  const gradient = new GradientLimit({ maxConcurrency: 4, minConcurrency: 4 })
  const adaptive = gate({ gradient })
  expect(Array.from({ length: 5 }, () => adaptive.enter())).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    'adaptive_concurrency',
  ])
})
