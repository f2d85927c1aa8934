import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { MAX_PAUSE_SECONDS, pause } from './pause.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout'] }))
afterEach(() => void vi.useRealTimers())

async function isOver(waiting: Promise<void>): Promise<boolean> {
  return Promise.race([waiting.then(() => true), Promise.resolve().then(() => Promise.resolve(false))])
}

it('resolves when the time is over', async () => {
  const waiting = pause(1.5)
  vi.advanceTimersByTime(1_499)
  expect(await isOver(waiting)).toBe(false)
  vi.advanceTimersByTime(1)
  await waiting
})

it('does not fire at once for a time that no timer can hold', async () => {
  const waiting = pause(Number.MAX_VALUE)
  vi.advanceTimersByTime(MAX_PAUSE_SECONDS * 1_000)
  expect(await isOver(waiting)).toBe(false)
  vi.advanceTimersByTime(1_000)
  await waiting
})
