import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeClock } from '../testing/fake-clock.ts'
import { Deadlines, type Timed } from './deadlines.ts'

class Member implements Timed {
  deadline = 0
  told = 0
  whenTold: (() => void) | undefined
  onDeadline(): void {
    this.told++
    this.whenTold?.()
  }
}

describe('a sweep', () => {
  it('tells whoever is late, once', () => {
    const clock = new FakeClock()
    const members = [10, 20, 30].map((ms) => Object.assign(new Member(), { deadline: clock.now() + ms }))
    for (const member of members) clock.deadlines.add(member)
    clock.pass(9)
    expect(members.map((one) => one.told)).toEqual([0, 0, 0])
    clock.pass(11)
    expect(members.map((one) => one.told)).toEqual([1, 1, 0])
    expect(members.map((one) => one.deadline)).toEqual([0, 0, clock.now() + 10])
    clock.pass(100)
    clock.pass(100)
    expect(members.map((one) => one.told)).toEqual([1, 1, 1])
  })

  it('leaves those alone that have no deadline or were removed', () => {
    const clock = new FakeClock()
    const [free, gone] = [new Member(), new Member()]
    gone.deadline = clock.now() + 1
    clock.deadlines.add(free)
    clock.deadlines.add(gone)
    clock.deadlines.remove(gone)
    clock.pass(1_000)
    expect([free.told, gone.told, clock.deadlines.size]).toEqual([0, 0, 1])
  })

  it('may add, remove and set anew while it runs', () => {
    const clock = new FakeClock()
    const [first, second, third] = [new Member(), new Member(), new Member()]
    for (const member of [first, second]) {
      member.deadline = clock.now() + 1
      clock.deadlines.add(member)
    }
    first.whenTold = () => {
      clock.deadlines.remove(second)
      third.deadline = clock.now() + 5
      clock.deadlines.add(third)
      first.deadline = clock.now() + 5
      first.whenTold = undefined
    }
    clock.pass(1)
    expect([first.told, second.told, third.told]).toEqual([1, 0, 0])
    clock.pass(5)
    expect([first.told, second.told, third.told]).toEqual([2, 0, 1])
  })
})

describe('the timer', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('runs while there is a member, and tells late by at most its interval', () => {
    const clock = { time: 1, now: () => clock.time }
    const deadlines = new Deadlines(clock, 50)
    expect(vi.getTimerCount()).toBe(0)
    const member = new Member()
    deadlines.add(member)
    deadlines.add(new Member())
    expect(vi.getTimerCount()).toBe(1)
    member.deadline = 61
    clock.time = 51
    vi.advanceTimersByTime(50)
    expect(member.told).toBe(0)
    clock.time = 101
    vi.advanceTimersByTime(50)
    expect(member.told).toBe(1)
  })

  it('counts limits from the time of its next sweep: late, never early', () => {
    const clock = { time: 1_000, now: () => clock.time }
    const deadlines = new Deadlines(clock, 50)
    expect(deadlines.now()).toBe(1_000)
    const member = new Member()
    deadlines.add(member)
    expect(deadlines.now()).toBe(1_050)
    clock.time = 1_049
    expect(deadlines.now()).toBeGreaterThanOrEqual(clock.time)
    clock.time = 1_052
    vi.advanceTimersByTime(50)
    expect(deadlines.now()).toBe(1_102)
    deadlines.remove(member)
    clock.time = 5_000
    expect(deadlines.now()).toBe(5_000)
    deadlines.add(member)
    expect(deadlines.now()).toBe(5_050)
    deadlines.remove(member)
  })

  it('stops with the last member, and starts again with the next', () => {
    const deadlines = new Deadlines({ now: () => 1 }, 50)
    const member = new Member()
    deadlines.add(member)
    deadlines.remove(member)
    expect(vi.getTimerCount()).toBe(0)
    deadlines.add(member)
    expect(vi.getTimerCount()).toBe(1)
    deadlines.remove(member)
  })
})
