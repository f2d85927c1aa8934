import type { RequestContext } from '../../request-context.ts'
import { compileText } from '../../variables/template.ts'
import type { ConfigProblem } from '../definition.ts'
import { isXmlName } from './mock-xml.ts'

/** The keywords of a JSON Schema that data is made up after. */
export interface MockSchema {
  readonly type?: unknown
  readonly example?: unknown
  readonly enum?: unknown
  readonly properties?: unknown
  readonly items?: unknown
}

export type MockValue = string | number | boolean | MockValue[] | { [name: string]: MockValue }
type MakeValue = (context: RequestContext) => MockValue

/** Lists have one to so many items, as in APISIX. */
const MAX_ITEMS = 3
/** Texts have one to so many letters. */
const MAX_LETTERS = 10
/** Levels of objects and lists. */
const MAX_DEPTH = 16
/** The most values an answer may have: nested lists multiply, and 10,000 are already about 200 KB. */
export const MAX_VALUES = 10_000

const TYPES = ['string', 'number', 'integer', 'boolean', 'object', 'array']

/** A whole number from `from` to `to`. */
const dice = (from: number, to: number): number => from + Math.floor(Math.random() * (to - from + 1))

/** What is wrong with a schema: a type that is not known or missing, a list without items, too many values. */
export function checkMockSchema(schema: MockSchema, path: string, isXml: boolean): ConfigProblem | undefined {
  const result = countValues({ ...schema, type: 'object' }, path, isXml, 0)
  if (typeof result !== 'number') return result
  return result <= MAX_VALUES
    ? undefined
    : { path, message: `can make more than ${MAX_VALUES} values; nest fewer lists` }
}

/** The most values that a schema can make, or what is wrong with it. */
function countValues(schema: unknown, path: string, isXml: boolean, depth: number): number | ConfigProblem {
  if (!isObject(schema)) return { path, message: 'is not a schema; write { type: string }, say' }
  if (depth > MAX_DEPTH) return { path, message: `is nested more than ${MAX_DEPTH} levels deep` }
  const type = typeOf(schema)
  if (!TYPES.includes(type))
    return { path: `${path}/type`, message: `must be one of ${TYPES.map((one) => `"${one}"`).join(', ')}` }
  if (schema.enum !== undefined && !(Array.isArray(schema.enum) && schema.enum.length > 0)) {
    return { path: `${path}/enum`, message: 'must be a list of values, and not empty' }
  }
  if (type === 'array') {
    if (schema.items === undefined)
      return { path, message: '"items" is missing; write { type: array, items: { type: string } }, say' }
    const items = countValues(schema.items, `${path}/items`, isXml, depth + 1)
    return typeof items === 'number' ? 1 + MAX_ITEMS * items : items
  }
  return type === 'object' ? countProperties(schema.properties ?? {}, `${path}/properties`, isXml, depth) : 1
}

function countProperties(properties: unknown, path: string, isXml: boolean, depth: number): number | ConfigProblem {
  if (!isObject(properties)) return { path, message: 'must be an object: schemas by name' }
  let total = 1
  for (const [name, property] of Object.entries(properties)) {
    const place = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (isXml && !isXmlName(name)) return { path: place, message: `"${name}" is no name for an XML element` }
    const count = countValues(property, place, isXml, depth + 1)
    if (typeof count !== 'number') return count
    total += count
  }
  return total
}

/** Compiles a schema that was checked. The whole is an object, whatever its `type` says, as in APISIX. */
export function compileMockObject(schema: MockSchema): (context: RequestContext) => { [name: string]: MockValue } {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, MockSchema>).map(
    ([name, property]): [string, MakeValue] => [name, compileMock(property)],
  )
  return (context) => Object.fromEntries(properties.map(([name, make]) => [name, make(context)]))
}

function compileMock(schema: MockSchema): MakeValue {
  const type = typeOf(schema)
  if (type === 'object') return compileMockObject(schema)
  if (type === 'array') {
    const make = compileMock(schema.items as MockSchema)
    return (context) => Array.from({ length: dice(1, MAX_ITEMS) }, () => make(context))
  }
  const example = givenValue(type, schema.example)
  if (example !== undefined) return example
  if (Array.isArray(schema.enum)) {
    const choices = schema.enum.map((one) => givenValue(type, one)).filter((one) => one !== undefined)
    if (choices.length > 0) return (context) => choices[dice(0, choices.length - 1)](context)
  }
  switch (type) {
    case 'integer':
      return () => dice(1, 10_000)
    case 'number':
      return () => Math.random() * 10_000
    case 'boolean':
      return () => Math.random() < 0.5
    default:
      return randomText
  }
}

/** A value that the schema gives, when it is of its type; texts may have variables. */
function givenValue(type: string, value: unknown): MakeValue | undefined {
  if (type === 'string' && typeof value === 'string') return compileText(value)
  if (type === 'boolean' && typeof value === 'boolean') return () => value
  if (typeof value !== 'number') return undefined
  if (type === 'number') return () => value
  return type === 'integer' ? () => Math.floor(value) : undefined
}

function randomText(): string {
  let text = ''
  for (let left = dice(1, MAX_LETTERS); left > 0; left--) text += String.fromCharCode(dice(0x61, 0x7a))
  return text
}

const typeOf = ({ type }: MockSchema): string => (typeof type === 'string' ? type.toLowerCase() : '')

const isObject = (value: unknown): value is MockSchema & object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
