import { jsonString } from '../../observability/access-log/escape.ts'
import { LogClock } from '../../observability/access-log/log-clock.ts'
import type { ConfigProblem } from '../definition.ts'

/** Fields of an entry: texts with variables, constants, objects of the same. */
export interface LogFormat {
  readonly [field: string]: unknown
}

type Value = string | number | undefined

/** Finds the reader of a variable, once; undefined: there is none of that name. */
export type VariableFinder<Source> = (name: string) => ((source: Source) => Value) | undefined

/** The fields of an entry as JSON, without the braces around them: `"host":"a","status":200`. */
export type FieldsWriter<Source> = (source: Source) => string

/** As in APISIX. */
export const MAX_FORMAT_DEPTH = 5

const VARIABLE = /\$(?:\{([A-Za-z0-9_.-]+)\}|([A-Za-z0-9_]+))/g

export const logClock = new LogClock()

/** What every entry can say, be it of a request or of a session below HTTP. */
const COMMON: Readonly<Record<string, () => Value>> = {
  time_iso8601: () => logClock.iso8601(),
  time_local: () => logClock.local(),
  msec: () => logClock.seconds(),
  pid: () => process.pid,
}

/**
 * Compiles a `log_format`. A field that is one variable is a number where the variable is one, and left out where it has no value; in
 * a longer text such a variable is empty. Variables that do not exist have no value: `checkFormat` tells of them.
 */
export function compileFormat<Source>(format: LogFormat, find: VariableFinder<Source>): FieldsWriter<Source> {
  return compileFields(format, find, 1)
}

/** Writes a value with its key and what separates it from the one before, or nothing. */
type FieldWriter<Source> = (source: Source, separator: string) => string

function compileFields<Source>(format: LogFormat, find: VariableFinder<Source>, depth: number): FieldsWriter<Source> {
  const writers = Object.entries(format).map(([name, value]) =>
    fieldWriter(`${JSON.stringify(name)}:`, value, find, depth),
  )
  return (source) => {
    let json = ''
    for (const write of writers) json += write(source, json === '' ? '' : ',')
    return json
  }
}

function fieldWriter<Source>(
  key: string,
  value: unknown,
  find: VariableFinder<Source>,
  depth: number,
): FieldWriter<Source> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if (depth >= MAX_FORMAT_DEPTH) return () => ''
    const inner = compileFields(value as LogFormat, find, depth + 1)
    return (source, separator) => `${separator}${key}{${inner(source)}}`
  }
  if (typeof value !== 'string' || !value.includes('$')) {
    const constant = key + JSON.stringify(value)
    return (_source, separator) => separator + constant
  }
  const matches = [...value.matchAll(VARIABLE)]
  const [first] = matches
  if (first !== undefined && first[0] === value) {
    const read = readerOf(nameOf(first), find)
    return (source, separator) => {
      const found = read?.(source)
      if (found === undefined) return ''
      if (typeof found === 'number') return `${separator}${key}${Number.isFinite(found) ? found : 'null'}`
      return `${separator}${key}${jsonString(found)}`
    }
  }
  const text = textReader(value, matches, find)
  return (source, separator) => `${separator}${key}${jsonString(text(source))}`
}

function textReader<Source>(
  text: string,
  matches: readonly RegExpMatchArray[],
  find: VariableFinder<Source>,
): (source: Source) => string {
  const parts: (string | ((source: Source) => Value))[] = []
  let from = 0
  for (const match of matches) {
    parts.push(text.slice(from, match.index))
    const read = readerOf(nameOf(match), find)
    if (read !== undefined) parts.push(read)
    from = match.index! + match[0].length
  }
  parts.push(text.slice(from))
  return (source) => {
    let result = ''
    for (const part of parts) result += typeof part === 'string' ? part : (part(source) ?? '')
    return result
  }
}

const nameOf = (match: RegExpMatchArray): string => match[1] ?? match[2]

const readerOf = <Source>(name: string, find: VariableFinder<Source>): ((source: Source) => Value) | undefined =>
  Object.hasOwn(COMMON, name) ? COMMON[name] : find(name)

/** Names of the variables in a format. */
export function formatVariables(format: LogFormat): string[] {
  return Object.values(format).flatMap((value) => {
    if (typeof value === 'string') return [...value.matchAll(VARIABLE)].map(nameOf)
    return typeof value === 'object' && value !== null ? formatVariables(value as LogFormat) : []
  })
}

/** What is wrong with a format, and where: variables that no request has, lists, too many levels. */
export function checkFormat<Source>(
  format: LogFormat,
  find: VariableFinder<Source>,
  path: string,
  depth = 1,
): ConfigProblem | undefined {
  for (const [name, value] of Object.entries(format)) {
    const at = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (typeof value === 'object' && value !== null) {
      if (Array.isArray(value)) return { path: at, message: 'is a list; write a text, a number, or an object of these' }
      if (depth >= MAX_FORMAT_DEPTH)
        return { path: at, message: `has more than ${MAX_FORMAT_DEPTH} objects within each other` }
      const inner = checkFormat(value as LogFormat, find, at, depth + 1)
      if (inner !== undefined) return inner
    } else if (typeof value === 'string') {
      const unknown = [...value.matchAll(VARIABLE)].map(nameOf).find((one) => readerOf(one, find) === undefined)
      if (unknown !== undefined)
        return { path: at, message: `there is no variable "$${unknown}"; the table in routing.md has those there are` }
    }
  }
  return undefined
}
