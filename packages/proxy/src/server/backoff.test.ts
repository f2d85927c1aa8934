import { expect, it } from 'vitest'
import { Backoff, BASE_DELAY_MS, MAX_DELAY_MS, STABLE_MS } from './backoff.ts'

it('restarts at once first, then doubles the pause up to the longest', () => {
  const backoff = new Backoff()
  const delays = Array.from({ length: 9 }, () => backoff.next(0))
  expect(delays).toEqual([0, 100, 200, 400, 800, 1600, 3200, MAX_DELAY_MS, MAX_DELAY_MS])
})

it('is immediate again after one that lived', () => {
  const backoff = new Backoff()
  backoff.next(0)
  expect(backoff.next(STABLE_MS - 1)).toBe(BASE_DELAY_MS)
  expect(backoff.next(STABLE_MS)).toBe(0)
  expect(backoff.next(0)).toBe(BASE_DELAY_MS)
})

it('stays at the longest pause however often it fails', () => {
  const backoff = new Backoff()
  for (let i = 0; i < 5000; i++) backoff.next(0)
  expect(backoff.next(0)).toBe(MAX_DELAY_MS)
})
