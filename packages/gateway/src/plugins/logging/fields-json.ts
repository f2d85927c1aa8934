import type { Headers } from '@sekisho/wire'
import { jsonString } from '../../observability/access-log/escape.ts'
import { ownText } from '../own-text.ts'

/** What says who somebody is, and would let whoever reads the log be them. A `log_format` that names one gets it. */
const CREDENTIALS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'apikey',
  'x-api-key',
])
const HIDDEN = '"***"'

/** A name as it is written, and `"name":` in lower case. Names of clients: bounded. */
interface FieldName {
  readonly key: string
  readonly hidden: boolean
}
const names = new Map<string, FieldName>()
const MAX_NAMES = 1_000
/** Longer ones are nobody's but an attacker's. */
const MAX_NAME_LENGTH = 64

function fieldName(written: string): FieldName {
  let name = names.get(written)
  if (name === undefined) {
    const lower = written.toLowerCase()
    name = { key: `${JSON.stringify(lower)}:`, hidden: CREDENTIALS.has(lower) }
    if (written.length > MAX_NAME_LENGTH) return name
    if (names.size >= MAX_NAMES) names.clear()
    names.set(ownText(written), name)
  }
  return name
}

/** The fields of a head as a JSON object: names in lower case, several of one name as a list, credentials as `***`. */
export function headersJson(headers: Headers): string {
  const { block } = headers
  if (block === '') return '{}'
  let json = '{'
  const keys: string[] = []
  for (let at = 0; at < block.length;) {
    const colon = block.indexOf(':', at)
    const end = block.indexOf('\r\n', colon)
    const { key, hidden } = fieldName(block.slice(at, colon))
    if (keys.includes(key)) return repeatedFieldsJson(headers)
    json += keys.push(key) === 1 ? key : `,${key}`
    json += hidden ? HIDDEN : jsonString(trimmed(block, colon + 1, end))
    at = end + 2
  }
  return `${json}}`
}

/** The value between the colon and the end of the line, without the white space around it (RFC 9110 section 5.5). */
function trimmed(block: string, from: number, end: number): string {
  let start = from
  let stop = end
  while (start < stop && isBlank(block.charCodeAt(start))) start++
  while (stop > start && isBlank(block.charCodeAt(stop - 1))) stop--
  return block.slice(start, stop)
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

function repeatedFieldsJson(headers: Headers): string {
  const fields = new Map<string, string[]>()
  for (const [written, value] of headers.entries()) {
    const { key, hidden } = fieldName(written)
    const text = hidden ? HIDDEN : jsonString(value)
    const known = fields.get(key)
    if (known === undefined) fields.set(key, [text])
    else known.push(text)
  }
  return objectJson(fields)
}

const objectJson = (fields: ReadonlyMap<string, readonly string[]>): string =>
  `{${[...fields].map(([key, values]) => key + (values.length === 1 ? values[0] : `[${values.join()}]`)).join()}}`

/** More arguments than that are not taken apart, as in nginx. */
const MAX_ARGUMENTS = 100

/** A query as a JSON object: decoded, several of one name as a list, one without `=` as true. */
export function queryJson(query: string): string {
  if (query === '') return '{}'
  const fields = new Map<string, string[]>()
  for (const pair of query.split('&', MAX_ARGUMENTS)) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const key = `${jsonString(decoded(equals < 0 ? pair : pair.slice(0, equals)))}:`
    const value = equals < 0 ? 'true' : jsonString(decoded(pair.slice(equals + 1)))
    const known = fields.get(key)
    if (known === undefined) fields.set(key, [value])
    else known.push(value)
  }
  return objectJson(fields)
}

function decoded(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
