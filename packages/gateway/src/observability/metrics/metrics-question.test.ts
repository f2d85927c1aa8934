import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { MetricsQuestion } from './metrics-question.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('those who ask at the same time share one question and its answer', async () => {
  let posted = 0
  const question = new MetricsQuestion(() => posted++)
  const both = [question.ask(), question.ask()]
  question.answer('a 1')
  expect(await Promise.all(both)).toEqual(['a 1', 'a 1'])
  expect(posted).toBe(1)
  const next = question.ask()
  question.answer('a 2')
  expect([await next, posted]).toEqual(['a 2', 2])
})

test('a question without an answer is given up; the next is asked anew', async () => {
  let posted = 0
  const question = new MetricsQuestion(() => posted++)
  const failed = expect(question.ask()).rejects.toThrow('did not answer')
  vi.advanceTimersByTime(5_000)
  await failed
  question.answer('too late')
  const next = question.ask()
  question.answer('a 1')
  expect([await next, posted]).toEqual(['a 1', 2])
})
