import { Cron } from 'croner'
import { TimeZone } from './time-zone.ts'

/** When a schedule runs. */
export interface Occurrences {
  /** The first one after an instant; undefined: there is none any more. Milliseconds since 1970. */
  after(instant: number): number | undefined
}

/** `rate(5 minutes)`: counted from `startAt`, which is the first. */
const RATE = /^rate\((\d{1,9}) (minute|minutes|hour|hours|day|days)\)$/
/** `at(2026-11-20T13:00:00)` */
const AT = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/
/** `cron(0 10 * * ? *)` */
const AWS_CRON = /^cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)$/
/** As crontab has it: minute, hour, day of month, month, day of week. */
const CRONTAB = /^[^\s()]+(?: [^\s()]+){4}$/

const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const

/** Of AWS's fields: minutes, hours, day of month, month, day of week, year. */
const LARGEST = [59, 23, 31, 12, 7, 2199]

/** Clocks are set forward over a time once a year: more times in a row that no clock shows are a mistake in here. */
const MAX_SKIPPED = 5_000

/**
 * Reads what AWS reads, and crontab's five fields. Clocks that are set forward skip what is between; what they show twice is run once, the first time.
 * @param startAt of rates
 * @returns what is wrong with it, as a text
 */
export function parseSchedule(expression: string, timezone: string, startAt: number): Occurrences | string {
  let zone: TimeZone
  try {
    zone = new TimeZone(timezone)
  } catch {
    return `${timezone} is no time zone: use a name like Europe/Berlin, or UTC`
  }
  const rate = RATE.exec(expression)
  if (rate !== null) return rateOf(Number(rate[1]), rate[2]!, startAt)
  const at = AT.exec(expression)
  if (at !== null) return once(at[1]!, zone)
  const fields = AWS_CRON.exec(expression)
  if (fields !== null) return awsCron(fields.slice(1), zone)
  if (CRONTAB.test(expression)) return cron(`0 ${expression} *`, zone, false)
  return `${expression} is no schedule: use rate(5 minutes), at(2026-11-20T13:00:00), or cron(0 10 * * ? *) with its six fields`
}

/** Times that come once. */
export const isOnce = (expression: string): boolean => AT.test(expression)

function rateOf(value: number, unit: string, startAt: number): Occurrences | string {
  if (value === 0) return 'a rate must not be 0'
  if ((value === 1) === unit.endsWith('s'))
    return `rate(${value} ${unit}): it is ${value === 1 ? 'minute, hour or day' : 'minutes, hours or days'}`
  const interval = value * UNIT_MS[unit.replace(/s$/, '') as keyof typeof UNIT_MS]
  return {
    after: (instant) =>
      instant < startAt ? startAt : startAt + (Math.floor((instant - startAt) / interval) + 1) * interval,
  }
}

function once(text: string, zone: TimeZone): Occurrences | string {
  const wall = Date.parse(`${text}Z`)
  if (Number.isNaN(wall)) return `at(${text}) is no date`
  const instant = zone.instant(wall)
  if (instant === undefined) return `no clock in ${zone.name} ever shows ${text}`
  return { after: (after) => (instant > after ? instant : undefined) }
}

function awsCron(fields: readonly string[], zone: TimeZone): Occurrences | string {
  const [, , day, , weekday] = fields
  if ((day === '?') === (weekday === '?'))
    return 'one of day-of-month and day-of-week must be ?, and the other must not'
  if (fields.some((field, i) => field.includes('?') && (field !== '?' || (i !== 2 && i !== 4))))
    return '? may only stand for day-of-month or day-of-week'
  const written = fields.map((field, i) => (field === '?' ? '*' : withRange(field, LARGEST[i]!)))
  return cron(`0 ${written.join(' ')}`, zone, true)
}

/** `5/15` is every 15 from 5 on: `5-59/15`. */
const withRange = (field: string, largest: number): string =>
  field.replaceAll(/(?<=^|,)(\d+)\/(\d+)(?=,|$)/g, `$1-${largest}/$2`)

/**
 * The pattern runs on the clocks' own scale, where there are no gaps, and what it gives is looked up in the zone: croner's rules for changes of the
 * clock, which differ by the kind of pattern, do not come into it.
 * @param quartz days of the week are 1 (Sunday) to 7
 */
function cron(pattern: string, zone: TimeZone, quartz: boolean): Occurrences | string {
  let clock: Cron
  try {
    clock = new Cron(pattern, { paused: true, timezone: 'UTC', mode: '7-part', alternativeWeekdays: quartz })
  } catch (error) {
    return (error as Error).message.replace(/^CronPattern: /, '')
  }
  return {
    after(instant) {
      let wall = zone.wall(instant)
      for (let i = 0; i < MAX_SKIPPED; i++) {
        const next = clock.nextRun(new Date(wall))
        if (next === null) return undefined
        wall = next.getTime()
        const found = zone.instant(wall)
        if (found !== undefined && found > instant) return found
      }
      return undefined
    },
  }
}
