import { pointerParts } from '../problem.ts'

/** The keywords of JSON Schema that our words are made from; see `resources/constraints.ts` for the last ones. */
export interface SchemaNode {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly additionalProperties?: unknown
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly oneOf?: readonly SchemaNode[]
  readonly errorMessage?: string
  readonly patternErrorMessage?: string
  readonly remedy?: string
}

/** An error as typebox reports it, of whatever keyword. */
export interface SchemaError {
  readonly keyword: string
  readonly schemaPath: string
  readonly instancePath: string
  readonly params: Readonly<Record<string, unknown>>
  readonly message: string
}

/** The part of a schema that an error's `schemaPath` (`#/properties/uri`) names. */
export function schemaAt(schema: SchemaNode, schemaPath: string): SchemaNode {
  let node: unknown = schema
  for (const part of pointerParts(schemaPath.slice(1))) {
    if (node === null || typeof node !== 'object') return {}
    node = (node as Record<string, unknown>)[part]
  }
  return node !== null && typeof node === 'object' ? node : {}
}

/** The part of a value that an error's `instancePath` names. */
export function valueAt(value: unknown, instancePath: string): unknown {
  let node = value
  for (const part of pointerParts(instancePath)) {
    if (node === null || typeof node !== 'object') return undefined
    node = (node as Record<string, unknown>)[part]
  }
  return node
}

/** Whether `path` is `parent` or below it. */
export const isWithin = (path: string, parent: string): boolean => path === parent || path.startsWith(`${parent}/`)

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  null: 'null',
}

/** `a, b or c` */
export function alternatives(words: readonly string[]): string {
  const unique = [...new Set(words)]
  return unique.length < 2 ? unique.join('') : `${unique.slice(0, -1).join(', ')} or ${unique[unique.length - 1]}`
}

/** What a type, or several, is called. */
export const typeWords = (type: unknown): string =>
  alternatives((Array.isArray(type) ? type : [type]).map((name) => TYPE_WORDS[String(name)] ?? String(name)))

/** What a schema asks for, in a few words. */
export function schemaWords(schema: SchemaNode): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return alternatives(schema.enum.map((value) => JSON.stringify(value)))
  const branches = schema.anyOf ?? schema.oneOf
  if (branches !== undefined) {
    // Where nothing is allowed too, nobody has to be told so.
    return alternatives(branches.filter(({ type }) => type !== 'null').map(schemaWords))
  }
  return schema.type === undefined ? 'something else' : typeWords(schema.type)
}
