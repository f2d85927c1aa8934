import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ChallengeBoard } from './board.ts'

let sent: [number, string, string | undefined][] = []
let board: ChallengeBoard
beforeEach(() => {
  vi.useFakeTimers()
  sent = []
  board = new ChallengeBoard((...message) => sent.push(message))
})
afterEach(() => void vi.useRealTimers())

/** Whether a promise has resolved, once everything that can go on has. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false
  void promise.then(() => (done = true))
  await vi.advanceTimersByTimeAsync(0)
  return done
}

test('an answer is published when all workers know it', async () => {
  board.workerStarted(0)
  board.workerStarted(1)
  const published = board.publish('token', 'answer')
  expect(sent).toEqual([[1, 'token', 'answer']])
  board.acknowledged(0, 1)
  expect(await isDone(published)).toBe(false)
  board.acknowledged(1, 7)
  expect(await isDone(published)).toBe(false)
  board.acknowledged(1, 1)
  expect(await isDone(published)).toBe(true)
})

test('a worker that ended is not waited for; one that starts gets what is pending', async () => {
  board.workerStarted(0)
  board.workerStarted(1)
  const published = board.publish('token', 'answer')
  board.acknowledged(0, 1)
  board.workerEnded(1)
  expect(await isDone(published)).toBe(true)
  expect([...board.pending]).toEqual([['token', 'answer']])
  board.withdraw('token')
  expect(board.pending.size).toBe(0)
  expect(sent.at(-1)).toEqual([2, 'token', undefined])
})

test('a worker that hangs is waited for for ten seconds', async () => {
  board.workerStarted(0)
  const published = board.publish('token', 'answer')
  await vi.advanceTimersByTimeAsync(9_999)
  expect(await isDone(published)).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect(await isDone(published)).toBe(true)
})
