import { expect, it } from 'vitest'
import { logText, sinceOf } from './logs.ts'

it('understands times', () => {
  expect(sinceOf('90s', 100_000)).toBe(10_000)
  expect(sinceOf('1d', 86_400_001)).toBe(1)
  expect(sinceOf('2h', 5)).toBe(0)
  expect(sinceOf('2026-11-21T18:00:00Z', 0)).toBe(Date.UTC(2026, 10, 21, 18))
  for (const wrong of ['yesterday', '10', '-1m', '2026-99-99']) expect(() => sinceOf(wrong, 0)).toThrow('is no time')
})

it('shows the lines of a message as lines, and steers no terminal', () => {
  expect(logText('a\tb\r    at c\r\n\x1b[2Jd\n')).toBe('a\tb\n    at c\n [2Jd')
})
