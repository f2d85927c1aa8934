import { isTable, LuaError, lengthOf, member, numberOf, textOf, typeOf, type LuaValue } from './lua-values.ts'

export type LuaFunction = (...values: LuaValue[]) => LuaValue

const XML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&apos;', '"': '&quot;' }
const HTML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '/': '&#47;',
}

/** What `{{…}}` does to text. */
export const escapeHtml = (text: string): string =>
  /[&<>"'/]/.test(text) ? text.replace(/[&<>"'/]/g, (one) => HTML[one]) : text

const string = (value: LuaValue): string => {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  throw new LuaError(`${typeOf(value)} is not text`)
}

/** `string.sub`: from 1, both ends included, negative from the end. Counts characters, not bytes. */
function sub(value: LuaValue, from: LuaValue = 1, to: LuaValue = -1): string {
  const text = string(value)
  const [start, end] = [numberOf(from) ?? 1, numberOf(to) ?? -1]
  const first = start < 0 ? Math.max(text.length + start, 0) : Math.max(start - 1, 0)
  return text.slice(first, Math.max(end < 0 ? text.length + end + 1 : end, 0))
}

function concat(list: LuaValue, between: LuaValue = ''): string {
  if (!isTable(list)) throw new LuaError(`table.concat needs a list, not ${typeOf(list)}`)
  return Array.from({ length: lengthOf(list) }, (_one, index) => string(member(list, index + 1))).join(string(between))
}

/** Methods of text, which are functions of `string` as well: `name:upper()`. */
const OF_TEXT: Readonly<Record<string, LuaFunction>> = {
  upper: (value) => string(value).toUpperCase(),
  lower: (value) => string(value).toLowerCase(),
  len: (value) => Buffer.byteLength(string(value)),
  sub,
}

/** The functions that templates may call, by name. */
const FUNCTIONS: Readonly<Record<string, LuaFunction>> = {
  // What is nothing is null, as in APISIX.
  _escape_json: (value) => JSON.stringify(value ?? null),
  _escape_xml: (value) => textOf(value).replace(/[&<>'"]/g, (one) => XML[one]),
  tostring: (value) => (value === undefined || value === null ? 'nil' : textOf(value)),
  tonumber: (value) => numberOf(value),
  type: (value) => typeOf(value),
  'table.concat': concat,
  'math.floor': (value) => Math.floor(numberOf(value) ?? NaN),
  'math.ceil': (value) => Math.ceil(numberOf(value) ?? NaN),
}

export function functionOf(name: string): LuaFunction | undefined {
  const [, ofText] = /^string\.(\w+)$/.exec(name) ?? []
  if (ofText !== undefined) return methodOf(ofText)
  return Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined
}

export const methodOf = (name: string): LuaFunction | undefined =>
  Object.hasOwn(OF_TEXT, name) ? OF_TEXT[name] : undefined

export const FUNCTION_NAMES = [...Object.keys(FUNCTIONS), ...Object.keys(OF_TEXT).map((name) => `string.${name}`)].join(
  ', ',
)
