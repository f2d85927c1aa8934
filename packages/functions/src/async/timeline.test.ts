import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Timeline } from './timeline.ts'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

describe('a timeline', () => {
  it('tells each item when it is due, in order, with one timer', () => {
    const told: number[] = []
    const timeline = new Timeline<number>(Date.now, (item) => {
      expect(Date.now()).toBe(item)
      told.push(item)
    })
    let seed = 7
    const items = Array.from({ length: 500 }, () => {
      seed = (seed * 16_807) % 2_147_483_647
      return 1_000_000 + (seed % 10_000_000)
    })
    for (const item of items) timeline.add(item, item)
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(10_000_001)
    expect(told).toEqual(items.toSorted((a, b) => a - b))
    expect([timeline.size, vi.getTimerCount()]).toEqual([0, 0])
  })

  it('takes more while it tells, and what is late at once', () => {
    const told: string[] = []
    const timeline = new Timeline<string>(Date.now, (item) => {
      told.push(item)
      if (item === 'first') timeline.add(Date.now() + 5, 'second')
    })
    timeline.add(0, 'first')
    vi.advanceTimersByTime(0)
    expect(told).toEqual(['first'])
    vi.advanceTimersByTime(5)
    expect(told).toEqual(['first', 'second'])
  })

  it('notices a clock that was set forward within a minute', () => {
    const told: number[] = []
    let ahead = 0
    const timeline = new Timeline<number>(
      () => Date.now() + ahead,
      (item) => told.push(item),
    )
    timeline.add(Date.now() + 3_600_000, 1)
    ahead = 3_600_000
    vi.advanceTimersByTime(60_000)
    expect(told).toEqual([1])
  })

  it('forgets all at its end', () => {
    const timeline = new Timeline<number>(Date.now, () => expect.unreachable())
    timeline.add(Date.now() + 5, 1)
    timeline.clear()
    expect(vi.getTimerCount()).toBe(0)
  })
})
