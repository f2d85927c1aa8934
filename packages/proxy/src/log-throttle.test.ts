import { expect, it } from 'vitest'
import { LogThrottle } from './log-throttle.ts'

it('lets one line of a kind through in a second', () => {
  let now = 5
  const throttle = new LogThrottle(() => now)
  expect([throttle.holds('a'), throttle.holds('a'), throttle.holds('b')]).toEqual([false, true, false])
  now = 1_004
  expect(throttle.holds('a')).toBe(true)
  now = 1_005
  expect([throttle.holds('a'), throttle.holds('a')]).toEqual([false, true])
})

it('counts no more than a thousand kinds at a time', () => {
  const throttle = new LogThrottle(() => 0)
  for (let kind = 0; kind < 1_001; kind++) expect(throttle.holds(String(kind))).toBe(false)
  expect([throttle.holds('1000'), throttle.holds('0')]).toEqual([true, false])
})
