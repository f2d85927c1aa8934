import { pointerPart } from '../../../config/problem.ts'
import { writtenKey } from './field-name.ts'
import type { Report } from '../../report/report.ts'

type Fields = Readonly<Record<string, unknown>>

/** What has been read of a file, by JSON Pointer. What has not is what could not be carried over. */
export class Reading {
  readonly report: Report
  /** Looked at; what is within is looked at for itself. */
  readonly seen = new Set<string>()
  /** Settled with all that is within. */
  readonly settled = new Set<string>()

  constructor(report: Report) {
    this.report = report
  }

  /** Tells of everything that nobody has looked at. */
  reportLeftovers(value: unknown, path = ''): void {
    if (this.settled.has(path)) return
    if (path !== '' && !this.seen.has(path)) {
      if (!isEmpty(value)) this.report.add('not carried over', path)
      return
    }
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) this.reportLeftovers(item, `${path}/${index}`)
    } else if (isFields(value)) {
      for (const [key, item] of Object.entries(value)) {
        if (key !== '@type') this.reportLeftovers(item, `${path}/${pointerPart(key)}`)
      }
    }
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** protojson writes a field that is not there as null, or as a list of nothing. */
const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (Array.isArray(value) && value.length === 0)

/**
 * A message of Envoy's configuration, by the rules of protojson: names in snake_case or camelCase, durations and 64-bit
 * integers as text, names of enum values in any case. Each getter marks what it returns as read, and gives undefined for
 * what is missing; what is of the wrong type is told and given as missing, too.
 */
export class Message {
  readonly path: string
  readonly reading: Reading
  readonly #fields: Fields

  constructor(reading: Reading, path: string, fields: Fields) {
    this.reading = reading
    this.path = path
    this.#fields = fields
    reading.seen.add(path)
  }

  /** The name of the message behind `@type`, without its package: `HttpConnectionManager`. Empty where there is none. */
  get type(): string {
    const url = this.#fields['@type']
    return typeof url === 'string' ? url.slice(Math.max(url.lastIndexOf('.'), url.lastIndexOf('/')) + 1) : ''
  }

  /** The whole name behind `@type`: `envoy.extensions.filters.http.router.v3.Router`. */
  get fullType(): string {
    const url = this.#fields['@type']
    return typeof url === 'string' ? url.slice(url.lastIndexOf('/') + 1) : ''
  }

  /** Whether the field is written. Does not count as reading it. */
  has(name: string): boolean {
    const key = writtenKey(this.#fields, name)
    return key !== undefined && this.#fields[key] !== null
  }

  /** JSON Pointer of a field, as it is written. */
  pathOf(name: string): string {
    return `${this.path}/${pointerPart(writtenKey(this.#fields, name) ?? name)}`
  }

  /** Keys of a map. */
  keys(): string[] {
    return Object.keys(this.#fields)
  }

  string(name: string): string | undefined {
    const value = this.#read(name)
    if (value === undefined || typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    return this.#invalid(name, 'must be text')
  }

  boolean(name: string): boolean | undefined {
    const value = this.#read(name)
    if (value === undefined || typeof value === 'boolean') return value
    if (value === 'true' || value === 'false') return value === 'true'
    return this.#invalid(name, 'must be true or false')
  }

  number(name: string): number | undefined {
    const value = this.#read(name)
    if (value === undefined || typeof value === 'number') return value
    if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return Number(value)
    return this.#invalid(name, 'must be a number')
  }

  /** Seconds, of "0.25s". */
  duration(name: string): number | undefined {
    const value = this.#read(name)
    if (value === undefined) return undefined
    const seconds = typeof value === 'string' ? /^(-?\d+(?:\.\d+)?)s$/.exec(value)?.[1] : undefined
    return seconds === undefined ? this.#invalid(name, 'must be a duration, as "0.25s"') : Number(seconds)
  }

  /** The name of an enum value in upper case. */
  enumeration(name: string): string | undefined {
    const value = this.#read(name)
    if (value === undefined) return undefined
    return typeof value === 'string' ? value.toUpperCase() : this.#invalid(name, 'must be the name of a value')
  }

  strings(name: string): string[] {
    const path = this.pathOf(name)
    return this.#list(name).map((item, index) => {
      this.reading.seen.add(`${path}/${index}`)
      return String(item)
    })
  }

  message(name: string): Message | undefined {
    const value = this.#read(name)
    if (value === undefined) return undefined
    return isFields(value)
      ? new Message(this.reading, this.pathOf(name), value)
      : this.#invalid(name, 'must be a message')
  }

  messages(name: string): Message[] {
    const path = this.pathOf(name)
    return this.#list(name).flatMap((item, index) => {
      if (isFields(item)) return [new Message(this.reading, `${path}/${index}`, item)]
      this.reading.settled.add(`${path}/${index}`)
      this.reading.report.add('invalid', `${path}/${index}`, 'must be a message')
      return []
    })
  }

  /** These change nothing here, or are so anyway. */
  ignore(...names: string[]): void {
    for (const name of names) if (this.has(name)) this.reading.settled.add(this.pathOf(name))
  }

  /** The field has no equal here, and why. Nothing is said where it is not written. */
  lose(name: string, message = ''): void {
    if (!this.has(name) || this.reading.settled.has(this.pathOf(name))) return
    this.reading.settled.add(this.pathOf(name))
    this.reading.report.add('not carried over', this.pathOf(name), message)
  }

  /** All of this message has no equal here. */
  loseAll(message: string): void {
    if (this.reading.settled.has(this.path)) return
    this.settle()
    this.reading.report.add('not carried over', this.path, message)
  }

  /** Nothing more has to be said of this message. */
  settle(): void {
    this.reading.settled.add(this.path)
  }

  /** Without a name: about the message. */
  warn(name: string | undefined, message: string): void {
    this.reading.report.add('warning', name === undefined ? this.path : this.pathOf(name), message)
  }

  warnOnce(topic: string, name: string | undefined, message: string): void {
    this.reading.report.warnOnce(topic, name === undefined ? this.path : this.pathOf(name), message)
  }

  #read(name: string): unknown {
    const key = writtenKey(this.#fields, name)
    if (key === undefined) return undefined
    this.reading.seen.add(`${this.path}/${pointerPart(key)}`)
    return this.#fields[key] ?? undefined
  }

  #list(name: string): unknown[] {
    const value = this.#read(name)
    if (value === undefined || Array.isArray(value)) return value ?? []
    this.#invalid(name, 'must be a list')
    return []
  }

  #invalid(name: string, message: string): undefined {
    this.reading.settled.add(this.pathOf(name))
    this.reading.report.add('invalid', this.pathOf(name), message)
    return undefined
  }
}
