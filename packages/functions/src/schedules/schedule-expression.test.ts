import { describe, expect, it, test } from 'vitest'
import { parseSchedule } from './schedule-expression.ts'

const START = Date.parse('2026-11-20T12:00:00Z')

function runs(expression: string, timezone: string, from: string, count: number): string[] {
  const schedule = parseSchedule(expression, timezone, START)
  if (typeof schedule === 'string') return [schedule]
  const found: string[] = []
  let at: number | undefined = Date.parse(from)
  while (found.length < count) {
    at = schedule.after(at)
    if (at === undefined) break
    found.push(new Date(at).toISOString().replace(':00.000Z', ''))
  }
  return found
}

test.each<[expression: string, timezone: string, from: string, expected: string[]]>([
  ['cron(0 10 * * ? *)', 'UTC', '2026-11-20T12:00:00Z', ['2026-11-21T10:00', '2026-11-22T10:00']],
  ['cron(15 12 * * ? *)', 'Asia/Tokyo', '2026-11-20T12:00:00Z', ['2026-11-21T03:15', '2026-11-22T03:15']],
  ['cron(0 18 ? * MON-FRI *)', 'UTC', '2026-11-20T19:00:00Z', ['2026-11-23T18:00', '2026-11-24T18:00']],
  // 1 is Sunday.
  ['cron(0 18 ? * 2-6 *)', 'UTC', '2026-11-20T19:00:00Z', ['2026-11-23T18:00', '2026-11-24T18:00']],
  ['cron(0 8 1 * ? *)', 'UTC', '2026-11-20T12:00:00Z', ['2026-12-01T08:00', '2027-01-01T08:00']],
  ['cron(0/15 * * * ? *)', 'UTC', '2026-11-20T12:50:00Z', ['2026-11-20T13:00', '2026-11-20T13:15']],
  ['cron(5/20 * * * ? *)', 'UTC', '2026-11-20T12:50:00Z', ['2026-11-20T13:05', '2026-11-20T13:25', '2026-11-20T13:45']],
  ['cron(0 9 ? * 6L *)', 'UTC', '2026-11-20T12:00:00Z', ['2026-11-27T09:00', '2026-12-25T09:00']],
  ['cron(0 9 ? * 6#2 *)', 'UTC', '2026-11-20T12:00:00Z', ['2026-12-11T09:00', '2027-01-08T09:00']],
  ['cron(0 9 L * ? *)', 'UTC', '2026-11-20T12:00:00Z', ['2026-11-30T09:00', '2026-12-31T09:00']],
  ['cron(0 9 15W * ? *)', 'UTC', '2026-11-20T12:00:00Z', ['2026-12-15T09:00', '2027-01-15T09:00']],
  ['cron(0 10 1 1 ? 2027-2029/2)', 'UTC', '2026-11-20T12:00:00Z', ['2027-01-01T10:00', '2029-01-01T10:00']],
  ['cron(0 10 * * ? 2020)', 'UTC', '2026-11-20T12:00:00Z', []],
  ['0 9 * * 1-5', 'UTC', '2026-11-20T12:00:00Z', ['2026-11-23T09:00', '2026-11-24T09:00']],
  ['rate(5 minutes)', 'UTC', '2026-11-20T12:07:00Z', ['2026-11-20T12:10', '2026-11-20T12:15']],
  ['rate(1 day)', 'UTC', '2026-01-01T00:00:00Z', ['2026-11-20T12:00', '2026-11-21T12:00']],
  ['at(2026-11-21T09:30:00)', 'Europe/Berlin', '2026-11-20T12:00:00Z', ['2026-11-21T08:30']],
  ['at(2026-11-19T09:30:00)', 'UTC', '2026-11-20T12:00:00Z', []],
])('%s in %s', (expression, timezone, from, expected) => {
  expect(runs(expression, timezone, from, expected.length === 0 ? 1 : expected.length)).toEqual(expected)
})

test.each([
  ['cron(0 10 * * *)', 'UTC', 'is no schedule: use rate(5 minutes)'],
  ['cron(0 10 * * * *)', 'UTC', 'one of day-of-month and day-of-week must be ?'],
  ['cron(0 10 ? * ? *)', 'UTC', 'one of day-of-month and day-of-week must be ?'],
  ['cron(? 10 ? * 1 *)', 'UTC', '? may only stand for'],
  ['cron(61 10 ? * 1 *)', 'UTC', 'Invalid value for minute: 61'],
  ['cron(x 10 ? * 1 *)', 'UTC', 'x'],
  ['rate(0 minutes)', 'UTC', 'a rate must not be 0'],
  ['rate(1 minutes)', 'UTC', 'it is minute, hour or day'],
  ['rate(5 minute)', 'UTC', 'it is minutes, hours or days'],
  ['rate(5 seconds)', 'UTC', 'is no schedule'],
  ['at(2026-13-40T00:00:00)', 'UTC', 'is no date'],
  ['at(2026-03-08T02:30:00)', 'America/New_York', 'no clock in America/New_York ever shows 2026-03-08T02:30:00'],
  ['rate(1 hour)', 'Mars/Olympus', 'Mars/Olympus is no time zone'],
])('%s in %s is refused', (expression, timezone, problem) => {
  expect(parseSchedule(expression, timezone, START)).toContain(problem)
})

describe('when clocks change', () => {
  // In New York on 8 March 2026 02:00 is followed by 03:00, on 1 November 02:00 by 01:00.
  it('what they are set over is skipped', () => {
    expect(runs('cron(30 2 * * ? *)', 'America/New_York', '2026-03-07T00:00:00Z', 3)).toEqual([
      '2026-03-07T07:30',
      '2026-03-09T06:30',
      '2026-03-10T06:30',
    ])
    expect(runs('cron(0/30 1-3 * * ? *)', 'America/New_York', '2026-03-08T05:59:00Z', 5)).toEqual([
      '2026-03-08T06:00',
      '2026-03-08T06:30',
      '2026-03-08T07:00',
      '2026-03-08T07:30',
      '2026-03-09T05:00',
    ])
  })

  it('what they show twice is run the first time', () => {
    expect(runs('cron(0/30 1 * * ? *)', 'America/New_York', '2026-10-31T12:00:00Z', 4)).toEqual([
      '2026-11-01T05:00',
      '2026-11-01T05:30',
      '2026-11-02T06:00',
      '2026-11-02T06:30',
    ])
    // Asked within the second time.
    expect(runs('cron(0/30 1 * * ? *)', 'America/New_York', '2026-11-01T06:10:00Z', 1)).toEqual(['2026-11-02T06:00'])
  })

  it('half an hour is a change, too', () => {
    // Lord Howe Island on 4 April 2027: 02:00 is followed by 01:30.
    expect(runs('cron(45 1 * * ? *)', 'Australia/Lord_Howe', '2027-04-03T00:00:00Z', 3)).toEqual([
      '2027-04-03T14:45',
      '2027-04-04T15:15',
      '2027-04-05T15:15',
    ])
  })

  it('rates do not care', () => {
    expect(runs('rate(1 day)', 'America/New_York', '2027-03-13T13:00:00Z', 2)).toEqual([
      '2027-03-14T12:00',
      '2027-03-15T12:00',
    ])
  })
})
