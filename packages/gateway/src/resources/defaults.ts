import type { TSchema } from 'typebox'

/** The keywords of JSON Schema that lead to a default. */
interface SchemaNode {
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly additionalProperties?: SchemaNode | boolean
  readonly items?: SchemaNode | boolean
  readonly prefixItems?: readonly SchemaNode[]
  readonly anyOf?: readonly SchemaNode[]
  readonly oneOf?: readonly SchemaNode[]
  readonly allOf?: readonly SchemaNode[]
  readonly if?: SchemaNode
  readonly then?: SchemaNode
  readonly else?: SchemaNode
}

/**
 * A copy of `value` with the defaults of `schema` filled in, as APISIX's validator does: where a field is missing and its
 * parent is there. Of alternatives, the first that accepts the value counts. `value` is left as it is, because what is
 * stored (and shown, and compared) is what the user wrote.
 *
 * Own code, not typebox's `Default`: that one knows schemas made by its builders only, while a plugin's schema may be
 * plain JSON Schema, and it changes its argument.
 */
export function withDefaults(schema: TSchema, value: unknown): unknown {
  return fill(schema as SchemaNode, value)
}

function fill(schema: SchemaNode, value: unknown): unknown {
  if (value === undefined) {
    return schema.default === undefined ? undefined : fill(schema, structuredClone(schema.default))
  }
  if (value === null || typeof value !== 'object') return value
  let filled: unknown = Array.isArray(value)
    ? fillArray(schema, value)
    : fillObject(schema, value as Record<string, unknown>)
  for (const part of schema.allOf ?? []) filled = fill(part, filled)
  for (const branches of [schema.anyOf, schema.oneOf]) {
    const branch = branches?.some(hasDefault) ? branches.find((candidate) => accepts(candidate, value)) : undefined
    if (branch) filled = fill(branch, filled)
  }
  if (schema.if && [schema.then, schema.else].some((branch) => branch !== undefined && hasDefault(branch))) {
    const branch = accepts(schema.if, value) ? schema.then : schema.else
    if (branch) filled = fill(branch, filled)
  }
  return filled
}

/** Checks values against a schema: `compiled` of compiled.ts, which loads the schema compiler (13 MB in each thread). */
type Checker = (schema: TSchema) => { Check(value: unknown): boolean }
let checker: Checker | undefined

/** Called by compiled.ts when it is loaded. Apart from it, so that a thread whose schemas need no check does not load it. */
export function useChecker(compiled: Checker): void {
  checker = compiled
}

/** Whether `withDefaults` must check values to tell which alternative's defaults hold: compiled.ts has to be loaded then. */
export function needsChecker(schema: TSchema): boolean {
  return branchesMatter(schema as SchemaNode)
}

function branchesMatter(node: SchemaNode): boolean {
  const branches = [
    ...(node.anyOf ?? []),
    ...(node.oneOf ?? []),
    ...(node.if === undefined ? [] : [node.then, node.else]),
  ]
  if (branches.some((branch) => branch !== undefined && hasDefault(branch))) return true
  return children(node).some(branchesMatter)
}

/** Whether a default stands anywhere within. */
function hasDefault(node: SchemaNode): boolean {
  let known = defaultKnown.get(node)
  if (known === undefined) {
    const inBranches = [...(node.anyOf ?? []), ...(node.oneOf ?? []), node.then, node.else]
    known =
      node.default !== undefined ||
      [...children(node), ...inBranches].some((child) => child !== undefined && hasDefault(child))
    defaultKnown.set(node, known)
  }
  return known
}

const defaultKnown = new WeakMap<object, boolean>()

const isNode = (node: SchemaNode | boolean | undefined): node is SchemaNode => typeof node === 'object'

const children = (node: SchemaNode): SchemaNode[] =>
  [
    ...Object.values(node.properties ?? {}),
    ...Object.values(node.patternProperties ?? {}),
    node.additionalProperties,
    node.items,
    ...(node.prefixItems ?? []),
    ...(node.allOf ?? []),
  ].filter(isNode)

function accepts(schema: SchemaNode, value: unknown): boolean {
  if (checker === undefined)
    throw new Error('resources/compiled.ts has to be loaded before defaults of alternatives are filled in')
  return checker(schema as TSchema).Check(value)
}

function fillArray(schema: SchemaNode, value: readonly unknown[]): unknown[] {
  const { items, prefixItems = [] } = schema
  return value.map((item, index) => {
    const itemSchema = prefixItems[index] ?? items
    return typeof itemSchema === 'object' ? fill(itemSchema, item) : item
  })
}

function fillObject(schema: SchemaNode, value: Record<string, unknown>): Record<string, unknown> {
  const { properties = {}, patternProperties = {}, additionalProperties } = schema
  const filled: Record<string, unknown> = { ...value }
  for (const [name, property] of Object.entries(properties)) {
    const content = fill(property, value[name])
    if (content !== undefined) filled[name] = content
  }
  const patterns = Object.entries(patternProperties).map(([text, node]) => ({ regexp: new RegExp(text, 'u'), node }))
  if (patterns.length === 0 && typeof additionalProperties !== 'object') return filled
  for (const name of Object.keys(value)) {
    const matching = patterns.filter(({ regexp }) => regexp.test(name))
    for (const { node } of matching) filled[name] = fill(node, filled[name])
    const known = matching.length > 0 || Object.hasOwn(properties, name)
    if (!known && typeof additionalProperties === 'object') filled[name] = fill(additionalProperties, filled[name])
  }
  return filled
}
