import { pointerPart } from '../../config/problem.ts'
import { compileRegularExpression, ExpressionError } from '../../expressions/index.ts'
import { formatRefinement, patternRefinement, type Refinement, uniqueItems } from './refinements.ts'

type Fields = Record<string, unknown>

/** A schema that cannot be used, and where. */
export class SchemaError extends Error {
  readonly pointer: string

  constructor(pointer: string, message: string) {
    super(message)
    this.pointer = pointer
  }
}

export interface PreparedSchema {
  readonly schema: object
  readonly hasDefaults: boolean
}

/** Schemas within each other. */
const MAX_DEPTH = 100

const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']

/** Keywords whose value is a schema, a list of them, or schemas by name. */
const SCHEMA =
  'additionalProperties additionalItems items contains not if then else propertyNames unevaluatedItems unevaluatedProperties'
const LIST = 'allOf anyOf oneOf prefixItems items'
const MAP = 'properties patternProperties definitions $defs dependentSchemas dependencies'
const [SCHEMAS, LISTS, MAPS] = [SCHEMA, LIST, MAP].map((names) => new Set(names.split(' ')))

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0
const isNumber = (value: unknown): boolean => typeof value === 'number'
const isNames = (value: unknown): boolean => Array.isArray(value) && value.every((name) => typeof name === 'string')
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): boolean => typeof value === 'string'
const COUNT = [isCount, 'a whole number from 0'] as const
const NUMBER = [isNumber, 'a number'] as const
const BOUND = [(value: unknown) => isNumber(value) || typeof value === 'boolean', 'a number'] as const
const TEXT = [isText, 'a text'] as const
const BOOLEAN = [(value: unknown) => typeof value === 'boolean', 'true or false'] as const

/** What keywords have to be: one that is something else would be passed over in silence. */
const EXPECTED: Readonly<Record<string, readonly [(value: unknown) => boolean, string]>> = {
  type: [
    (value) => [value].flat().length > 0 && [value].flat().every((one) => TYPES.includes(one as string)),
    `one of ${TYPES.join(', ')}, or a list of them`,
  ],
  enum: [(value) => Array.isArray(value), 'a list'],
  // Of draft-03: true on a property.
  required: [isNames, 'a list of names'],
  minLength: COUNT,
  maxLength: COUNT,
  minItems: COUNT,
  maxItems: COUNT,
  minContains: COUNT,
  maxContains: COUNT,
  minProperties: COUNT,
  maxProperties: COUNT,
  minimum: NUMBER,
  maximum: NUMBER,
  exclusiveMinimum: BOUND,
  exclusiveMaximum: BOUND,
  multipleOf: [(value) => isNumber(value) && (value as number) > 0, 'a number above 0'],
  uniqueItems: BOOLEAN,
  pattern: TEXT,
  format: TEXT,
  $ref: TEXT,
  $dynamicRef: TEXT,
  $id: TEXT,
  dependentRequired: [(value) => isFields(value) && Object.values(value).every(isNames), 'lists of names by name'],
}

/**
 * A JSON Schema as users write it (draft-04 to 2020-12), made ready for the compiler: expressions are translated from PCRE and checked for the time that they
 * can take, what only one draft knows is written as the others do. References lead to within the schema alone.
 * @param lower names of properties in lower case: header fields
 * @throws SchemaError
 */
export function prepareSchema(written: object, lower = false): PreparedSchema {
  const preparation = new Preparation(written as Fields)
  return { schema: preparation.schema(written, '', 0, lower) as object, hasDefaults: preparation.hasDefaults }
}

class Preparation {
  hasDefaults = false
  private readonly root: Fields
  private readonly isDraft4: boolean
  private readonly ids: Set<string>

  constructor(root: Fields) {
    this.root = root
    const { $schema: dialect } = root
    this.isDraft4 = typeof dialect === 'string' && dialect.includes('draft-04')
    this.ids = new Set(idsIn(root, 0))
  }

  schema(written: unknown, at: string, depth: number, lower: boolean): unknown {
    if (typeof written === 'boolean') return written
    if (!isFields(written)) throw new SchemaError(at, 'is no schema; write an object')
    if (depth > MAX_DEPTH) throw new SchemaError(at, `has more than ${MAX_DEPTH} schemas within each other`)
    const made: Fields = {}
    for (const [keyword, value] of Object.entries(written)) {
      const place = `${at}/${pointerPart(keyword)}`
      this.expect(keyword, value, place)
      // Fields of a head are not nested: combinations of schemas are about the same names.
      const names =
        lower && !['items', 'contains', 'properties', 'patternProperties', 'additionalProperties'].includes(keyword)
      made[keyword] = this.value(keyword, value, place, depth + 1, lower, names)
      if (keyword === 'default') this.hasDefaults = true
    }
    return this.translated(made, at)
  }

  private expect(keyword: string, value: unknown, place: string): void {
    const expected = Object.hasOwn(EXPECTED, keyword) ? EXPECTED[keyword] : undefined
    if (expected !== undefined && !expected[0](value)) throw new SchemaError(place, `must be ${expected[1]}`)
    if (keyword === '$ref' || keyword === '$dynamicRef') this.checkReference(value as string, place)
  }

  private value(
    keyword: string,
    value: unknown,
    place: string,
    depth: number,
    lower: boolean,
    names: boolean,
  ): unknown {
    if (LISTS.has(keyword) && Array.isArray(value))
      return value.map((one, index) => this.schema(one, `${place}/${index}`, depth, names))
    if (SCHEMAS.has(keyword)) return this.schema(value, place, depth, names)
    if (MAPS.has(keyword)) {
      if (!isFields(value)) throw new SchemaError(place, 'must be an object')
      return Object.fromEntries(
        Object.entries(value).map(([name, one]) => {
          const within = `${place}/${pointerPart(name)}`
          const isNamesOnly = keyword === 'dependencies' && isNames(one)
          const made = isNamesOnly ? lowered(one, lower) : this.schema(one, within, depth, names)
          if (keyword === 'patternProperties') return [this.nameExpression(name, within), made]
          const isField = lower && keyword !== 'definitions' && keyword !== '$defs'
          return [isField ? name.toLowerCase() : name, made]
        }),
      )
    }
    if (keyword === 'dependentRequired' && lower) {
      return Object.fromEntries(
        Object.entries(value as Fields).map(([name, one]) => [name.toLowerCase(), lowered(one, true)]),
      )
    }
    return keyword === 'required' ? lowered(value, lower) : value
  }

  /** The compiler takes names' expressions as text, and gives them the flag `u`. */
  private nameExpression(written: string, place: string): string {
    const { source, flags } = expression(written, place)
    if (flags !== '')
      throw new SchemaError(place, 'expressions for names have no flags such as (?i); write both cases, as [Aa]')
    try {
      new RegExp(source, 'u')
    } catch (error) {
      throw new SchemaError(
        place,
        `is not an expression for names: ${(error as Error).message}; leave needless backslashes out`,
      )
    }
    return source
  }

  private translated(made: Fields, at: string): Fields {
    const { pattern, format } = made
    for (const [exclusive, bound] of [
      ['exclusiveMinimum', 'minimum'],
      ['exclusiveMaximum', 'maximum'],
    ]) {
      if (typeof made[exclusive] !== 'boolean') continue
      if (made[exclusive] && made[bound] === undefined)
        throw new SchemaError(`${at}/${exclusive}`, `needs "${bound}" beside it`)
      if (made[exclusive]) {
        made[exclusive] = made[bound]
        delete made[bound]
      } else delete made[exclusive]
    }
    if (this.isDraft4 && typeof made['id'] === 'string') {
      made['$id'] = made['id']
      delete made['id']
    }
    const refinements: (Refinement | undefined)[] = []
    if (typeof pattern === 'string')
      refinements.push(patternRefinement(pattern, byCodePoints(expression(pattern, `${at}/pattern`))))
    // A format that nobody knows is a note for people.
    if (typeof format === 'string') refinements.push(formatRefinement(format))
    if (made['uniqueItems'] === true) refinements.push(uniqueItems)
    for (const keyword of ['pattern', 'format', 'uniqueItems']) delete made[keyword]
    const own = refinements.filter((one) => one !== undefined)
    if (own.length > 0) made['~refine'] = own
    return made
  }

  private checkReference(reference: string, place: string): void {
    if (reference === '#' || this.ids.has(reference)) return
    const [base, fragment = ''] = reference.split('#')
    if (base !== '' && !this.ids.has(base)) {
      throw new SchemaError(
        place,
        `"${reference}" leads out of this schema, where nothing is fetched; put it into "definitions"`,
      )
    }
    // From another base nothing is known here; the compiler refuses every body for what it does not find.
    if (base !== '' || this.ids.size > 1) return
    if (fragment !== '' && !fragment.startsWith('/')) throw new SchemaError(place, `there is no "$anchor" of this name`)
    let found: unknown = this.root
    for (const part of fragment.split('/').slice(1)) {
      const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
      found =
        typeof found === 'object' && found !== null && Object.hasOwn(found, name) ? (found as Fields)[name] : undefined
    }
    if (!isFields(found) && typeof found !== 'boolean')
      throw new SchemaError(place, `there is nothing at "${reference}"`)
  }
}

const lowered = (names: unknown, lower: boolean): unknown =>
  lower && isNames(names) ? (names as string[]).map((name) => name.toLowerCase()) : names

function expression(written: string, place: string): RegExp {
  try {
    return compileRegularExpression(written, false, place)
  } catch (error) {
    if (error instanceof ExpressionError) throw new SchemaError(error.pointer, error.reason)
    throw error
  }
}

/** As drafts from 2019-09 on have it; one that is none then, as with a needless backslash, goes by UTF-16 units. */
function byCodePoints(expression: RegExp): RegExp {
  try {
    return new RegExp(expression.source, `${expression.flags}u`)
  } catch {
    return expression
  }
}

/** What references may name: `$id`s and anchors. */
function idsIn(value: unknown, depth: number): string[] {
  if (typeof value !== 'object' || value === null || depth > 2 * MAX_DEPTH) return []
  const { $id, id, $anchor, $dynamicAnchor } = value as Fields
  const own = [$id, id, ...[$anchor, $dynamicAnchor].map((name) => (typeof name === 'string' ? `#${name}` : undefined))]
  return [
    ...own.filter((one) => typeof one === 'string'),
    ...Object.values(value).flatMap((inner) => idsIn(inner, depth + 1)),
  ]
}
