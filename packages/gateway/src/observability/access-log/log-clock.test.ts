import { afterEach, describe, expect, test } from 'vitest'
import { LogClock } from './log-clock.ts'

const zone = process.env.TZ
afterEach(() => {
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
})

describe('LogClock', () => {
  test.each([
    ['UTC', '20/Nov/2025:18:05:09 +0000', '2025-11-20T18:05:09+00:00'],
    ['Asia/Tokyo', '21/Nov/2025:03:05:09 +0900', '2025-11-21T03:05:09+09:00'],
    ['America/St_Johns', '20/Nov/2025:14:35:09 -0330', '2025-11-20T14:35:09-03:30'],
  ])('writes times as nginx does, in %s', (name, local, iso8601) => {
    process.env.TZ = name
    const clock = new LogClock(() => Date.UTC(2025, 10, 20, 18, 5, 9, 999))
    expect([clock.local(), clock.iso8601()]).toEqual([local, iso8601])
  })

  test('changes with the second, in both forms', () => {
    process.env.TZ = 'UTC'
    let now = Date.UTC(2025, 0, 1, 0, 0, 0, 0)
    const clock = new LogClock(() => now)
    expect(clock.local()).toBe('01/Jan/2025:00:00:00 +0000')
    now += 999
    expect(clock.local()).toBe('01/Jan/2025:00:00:00 +0000')
    now += 1
    expect(clock.iso8601()).toBe('2025-01-01T00:00:01+00:00')
    expect(clock.local()).toBe('01/Jan/2025:00:00:01 +0000')
    expect(clock.seconds()).toBe(now / 1_000)
  })
})
