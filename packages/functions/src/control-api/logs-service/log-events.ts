import { ServiceError } from '../../model/service-error.ts'
import type { LogRecord } from '../../logs/log-record.ts'
import type { LogSource } from '../own/own-endpoints.ts'
import { numberOf, optionalText, textOf, type LogsCall } from './logs-call.ts'
import { noGroup } from './log-groups.ts'

const GROUP_PREFIX = '/aws/lambda/'
/** Most events of one answer. */
const MAX_EVENTS = 10_000

/**
 * Reads the logs of functions as `aws logs tail` and `filter-log-events` do. A function's log is in the group `/aws/lambda/NAME`.
 * @param exists whether there is a function of that name
 */
export function logEventActions(logs: LogSource, exists: (name: string) => boolean): Record<string, LogsCall> {
  const functionOf = (input: Readonly<Record<string, unknown>>): string => {
    const group = optionalText(input, 'logGroupIdentifier') || optionalText(input, 'logGroupName')
    const name = group.slice(group.indexOf(GROUP_PREFIX) + GROUP_PREFIX.length).replace(/:\*$/, '')
    if (!group.includes(GROUP_PREFIX) || !exists(name)) throw noGroup()
    return name
  }

  return {
    FilterLogEvents: async (input) => {
      const wanted = filter(input)
      const streams = input['logStreamNames'] as readonly string[] | undefined
      const page = new Page(input, MAX_EVENTS)
      for await (const record of logs.read(functionOf(input), page.range)) {
        if (streams !== undefined && !streams.includes(record.stream)) continue
        if (wanted(record) && !page.add(record)) break
      }
      const events = page.events.map(({ record, id }) => ({
        ...shown(record),
        logStreamName: record.stream,
        eventId: id,
      }))
      return { events, searchedLogStreams: [], ...(page.next === undefined ? {} : { nextToken: page.next }) }
    },

    GetLogEvents: async (input) => {
      const stream = textOf(input, 'logStreamName')
      const page = new Page(input, MAX_EVENTS)
      for await (const record of logs.read(functionOf(input), page.range)) {
        if (record.stream === stream && !page.add(record)) break
      }
      return {
        events: page.events.map(({ record }) => shown(record)),
        nextForwardToken: page.next ?? page.end,
        nextBackwardToken: page.end,
      }
    },

    DescribeLogStreams: async (input) => {
      const prefix = optionalText(input, 'logStreamNamePrefix')
      const streams = new Map<string, { first: number; last: number }>()
      for await (const { stream, timeMs } of logs.read(functionOf(input))) {
        const known = streams.get(stream)
        if (known !== undefined) known.last = timeMs
        else if (stream.startsWith(prefix)) streams.set(stream, { first: timeMs, last: timeMs })
      }
      const logStreams = [...streams].map(([logStreamName, { first, last }]) => ({
        logStreamName,
        creationTime: first,
        firstEventTimestamp: first,
        lastEventTimestamp: last,
        lastIngestionTime: last,
      }))
      const byTime = input['orderBy'] === 'LastEventTime'
      if (byTime) logStreams.sort((a, b) => a.lastEventTimestamp - b.lastEventTimestamp)
      if (input['descending'] === true) logStreams.reverse()
      return { logStreams: logStreams.slice(0, numberOf(input, 'limit') ?? 50) }
    },
  }
}

const shown = ({ timeMs, text }: LogRecord): object => ({ timestamp: timeMs, message: text, ingestionTime: timeMs })

/** One answer's events. A token is the time at which the next begins and how many of that time were shown. */
class Page {
  readonly events: { readonly record: LogRecord; readonly id: string }[] = []
  readonly range: { readonly since: number; readonly until: number }
  /** Where the next page begins; undefined: there is none. */
  next: string | undefined
  private readonly limit: number
  private readonly skip: number
  private atTime = -1
  private ofTime = 0

  constructor(input: Readonly<Record<string, unknown>>, maximum: number) {
    const token = input['nextToken']
    const [, time, skip = '0'] = typeof token === 'string' ? (/^(\d{1,15})-(\d{1,9})$/.exec(token) ?? badToken()) : []
    const since = time === undefined ? (numberOf(input, 'startTime') ?? 0) : Number(time)
    // Of the service it is inclusive.
    this.range = { since, until: (numberOf(input, 'endTime') ?? Number.MAX_SAFE_INTEGER - 1) + 1 }
    this.limit = Math.min(numberOf(input, 'limit') ?? maximum, maximum)
    this.skip = Number(skip)
  }

  /** Behind all that was shown. */
  get end(): string {
    return this.atTime < 0 ? `${this.range.since}-${this.skip}` : `${this.atTime}-${this.ofTime}`
  }

  /** @returns false: the page is full, and the record is on the next */
  add(record: LogRecord): boolean {
    if (record.timeMs !== this.atTime) {
      this.atTime = record.timeMs
      this.ofTime = 0
    }
    if (this.events.length >= this.limit) {
      this.next = `${record.timeMs}-${this.ofTime}`
      return false
    }
    this.ofTime++
    if (record.timeMs === this.range.since && this.ofTime <= this.skip) return true
    this.events.push({ record, id: `${record.timeMs}-${this.ofTime}` })
    return true
  }
}

function badToken(): never {
  throw new ServiceError('InvalidParameterException', 400, 'The specified nextToken is invalid.')
}

/** Words that must all be there (`-word`: must not); quoted ones may have blanks. Patterns of JSON and columns are refused. */
function filter(input: Readonly<Record<string, unknown>>): (record: LogRecord) => boolean {
  const pattern = optionalText(input, 'filterPattern').trim()
  if (/^[{[]/.test(pattern)) {
    throw new ServiceError('InvalidParameterException', 400, 'Only words are understood in a filterPattern here.')
  }
  const terms = [...pattern.matchAll(/(-?)(?:"([^"]*)"|(\S+))/g)].map(([, minus, quoted, word]) => ({
    wanted: minus === '',
    text: quoted ?? word,
  }))
  return ({ text }) => terms.every((term) => text.includes(term.text) === term.wanted)
}
