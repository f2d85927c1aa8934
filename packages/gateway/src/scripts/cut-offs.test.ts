import { describe, expect, it } from 'vitest'
import { CutOffs } from './cut-offs.ts'

/** Calls it whenever it may be called, for so long; it is always cut off after 50 ms. @returns how often it was called */
function attack(cutOffs: CutOffs, clock: { ms: number }, forMs: number): number {
  let calls = 0
  for (const until = clock.ms + forMs; clock.ms < until; clock.ms += 1) {
    if (cutOffs.resting) continue
    calls++
    clock.ms += 50
    cutOffs.add()
  }
  return calls
}

describe('a function that is cut off', () => {
  it('once in a while is called all the same', () => {
    const clock = { ms: 0 }
    const cutOffs = new CutOffs(50, () => clock.ms)
    for (let at = 0; at < 100; at++) {
      clock.ms += 1_100
      expect(cutOffs.resting).toBe(false)
      cutOffs.add()
      cutOffs.succeeded()
    }
  })

  it('always is called three times, and then less and less', () => {
    const clock = { ms: 0 }
    const cutOffs = new CutOffs(50, () => clock.ms)
    expect(attack(cutOffs, clock, 1_000)).toBe(3)
    expect(attack(cutOffs, clock, 60_000)).toBeLessThan(8)
    expect(attack(cutOffs, clock, 600_000)).toBeLessThan(12)
  })

  it('gets a twentieth of the worker when it does its work in between', () => {
    const clock = { ms: 0 }
    const cutOffs = new CutOffs(50, () => clock.ms)
    let calls = 0
    for (const until = 100_000; clock.ms < until; clock.ms += 1) {
      if (cutOffs.resting) continue
      calls++
      clock.ms += 50
      cutOffs.add()
      cutOffs.succeeded()
    }
    expect(calls).toBeGreaterThan(90)
    expect(calls).toBeLessThan(105)
  })
})
