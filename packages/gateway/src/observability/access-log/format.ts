import type { VariableSource } from '../../expressions/index.ts'
import { escapeText, jsonString } from './escape.ts'
import { LogClock } from './log-clock.ts'
import { LogFormatError, parseTemplate } from './template.ts'

/** Fields of a JSON line: texts with variables, constants, or objects of the same. */
export interface LogFields {
  readonly [field: string]: string | number | boolean | LogFields
}

/** How deep objects in a JSON format may lie within each other. As in APISIX. */
export const MAX_FIELD_DEPTH = 5

/** One line of a log, without its line feed. */
export type LineFormatter = (source: VariableSource) => string

const COMMON = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'

/** The formats that have a name. */
export const NAMED_FORMATS: Readonly<Record<'combined' | 'common' | 'json', string | LogFields>> = {
  combined: `${COMMON} "$http_referer" "$http_user_agent"`,
  common: COMMON,
  json: {
    time: '$time_iso8601',
    remote_addr: '$remote_addr',
    method: '$request_method',
    host: '$host',
    uri: '$request_uri',
    protocol: '$server_protocol',
    status: '$status',
    request_length: '$request_length',
    bytes_sent: '$bytes_sent',
    request_time: '$request_time',
    upstream_addr: '$upstream_addr',
    upstream_status: '$upstream_status',
    upstream_response_time: '$upstream_response_time',
    route_id: '$route_id',
    service_id: '$service_id',
    consumer_name: '$consumer_name',
    request_id: '$request_id',
    referer: '$http_referer',
    user_agent: '$http_user_agent',
  },
}

/**
 * Compiles a log format: `combined`, `common`, `json`, a text with variables, or a map of fields, which gives JSON.
 *
 * - Text: a variable that the request does not have is `-`; values are escaped as by nginx's `escape=default`.
 * - JSON: a field that is one variable is a number where the variable is one, and null where there is none; others are strings.
 * - `$time_local`, `$time_iso8601` and `$msec` are the time at which the line is written.
 *
 * @throws LogFormatError
 */
export function compileFormat(format: string | LogFields, clock: LogClock = new LogClock()): LineFormatter {
  if (typeof format !== 'string') return compileFields(format, clock)
  if (Object.hasOwn(NAMED_FORMATS, format)) {
    return compileFormat(NAMED_FORMATS[format as keyof typeof NAMED_FORMATS], clock)
  }
  if (!format.includes('$')) {
    throw new LogFormatError(`'${format}' has no variable, and is none of ${Object.keys(NAMED_FORMATS).join(', ')}`)
  }
  return compileText(format.replace(/\n$/, ''), clock, '', escapeText)
}

type Reader = (source: VariableSource) => string | number | undefined

function reader(name: string, clock: LogClock): Reader {
  if (name === 'time_local') return () => clock.local()
  if (name === 'time_iso8601') return () => clock.iso8601()
  if (name === 'msec') return () => clock.seconds()
  return (source) => source.variable(name)
}

function compileText(
  text: string,
  clock: LogClock,
  pointer: string,
  escape: ((value: string) => string) | undefined,
): LineFormatter {
  const { literals, names } = parseTemplate(text, pointer)
  const readers = names.map((name) => reader(name, clock))
  return (source) => {
    let line = literals[0]
    for (let index = 0; index < readers.length; index++) {
      const value = readers[index](source)
      if (value === undefined) line += '-'
      else line += escape === undefined || typeof value === 'number' ? value : escape(value)
      line += literals[index + 1]
    }
    return line
  }
}

function compileFields(fields: LogFields, clock: LogClock): LineFormatter {
  // What is constant between two values is joined now: `{"time":`, `,"status":`, …
  const constants: string[] = ['']
  const values: LineFormatter[] = []
  addFields(fields, clock, '', 1, constants, values)
  return (source) => {
    let line = constants[0]
    for (let index = 0; index < values.length; index++) line += values[index](source) + constants[index + 1]
    return line
  }
}

function addFields(
  fields: LogFields,
  clock: LogClock,
  pointer: string,
  depth: number,
  constants: string[],
  values: LineFormatter[],
): void {
  if (depth > MAX_FIELD_DEPTH)
    throw new LogFormatError(`more than ${MAX_FIELD_DEPTH} objects within each other`, pointer)
  const append = (text: string): void => {
    constants[constants.length - 1] += text
  }
  let separator = '{'
  for (const [name, value] of Object.entries(fields)) {
    append(`${separator}${JSON.stringify(name)}:`)
    separator = ','
    const at = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      addFields(value, clock, at, depth + 1, constants, values)
    } else if (typeof value === 'string' && value.includes('$')) {
      values.push(compileValue(value, clock, at))
      constants.push('')
    } else if (typeof value === 'object') {
      throw new LogFormatError('a field is a text, a number, true, false, or an object of fields', at)
    } else {
      append(JSON.stringify(value))
    }
  }
  append(separator === '{' ? '{}' : '}')
}

function compileValue(text: string, clock: LogClock, pointer: string): LineFormatter {
  const { literals, names } = parseTemplate(text, pointer)
  if (names.length > 1 || literals[0] !== '' || literals[1] !== '') {
    const joined = compileText(text, clock, pointer, undefined)
    return (source) => jsonString(joined(source))
  }
  const read = reader(names[0], clock)
  return (source) => {
    const value = read(source)
    if (value === undefined) return 'null'
    if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null'
    return jsonString(value)
  }
}
