import type { TSchema } from 'typebox'
import { pointerPart } from '../problem.ts'
import type { SchemaError, SchemaNode } from './schema-node.ts'

/**
 * To name repeated items, typebox takes time with the square of their number: two minutes for 100,000. Those of longer lists are found
 * here, in one pass.
 */
const LONG_LIST = 1_000

/** Whether there is a list somewhere in a value that is too long for typebox. */
export function hasLongList(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false
  if (Array.isArray(value)) return value.length > LONG_LIST || value.some(hasLongList)
  return Object.values(value).some(hasLongList)
}

const stripped = new WeakMap<object, TSchema>()

/** The same schema, in which items may be repeated. */
export function withoutUniqueItems(schema: TSchema): TSchema {
  let copy = stripped.get(schema)
  if (copy === undefined) stripped.set(schema, (copy = copyOf(schema) as TSchema))
  return copy
}

function copyOf(node: unknown): unknown {
  if (node === null || typeof node !== 'object') return node
  if (Array.isArray(node)) return node.map(copyOf)
  const parts = Object.entries(node).filter(([keyword, part]) => keyword !== 'uniqueItems' || part !== true)
  return Object.fromEntries(parts.map(([keyword, part]) => [keyword, copyOf(part)]))
}

interface Node extends SchemaNode {
  readonly uniqueItems?: boolean
  readonly allOf?: readonly SchemaNode[]
}

/** Lists with repeated items where fields have one schema, which is where all of ours are. */
export function repeatedItems(schema: SchemaNode, value: unknown, schemaPath = '#', instancePath = ''): SchemaError[] {
  const { properties = {}, items, allOf = [], uniqueItems } = schema as Node
  const found = allOf.flatMap((part, at) => repeatedItems(part, value, `${schemaPath}/allOf/${at}`, instancePath))
  if (value === null || typeof value !== 'object') return found
  if (!Array.isArray(value)) {
    for (const [name, part] of Object.entries(properties)) {
      if (!Object.hasOwn(value, name)) continue
      const place = `/${pointerPart(name)}`
      const inside = (value as Record<string, unknown>)[name]
      found.push(...repeatedItems(part, inside, `${schemaPath}/properties${place}`, instancePath + place))
    }
    return found
  }
  if (uniqueItems === true && new Set(value.map((item) => JSON.stringify(item))).size < value.length)
    found.push({
      keyword: 'uniqueItems',
      schemaPath,
      instancePath,
      params: {},
      message: 'must not have repeated items',
    })
  if (items !== undefined && !Array.isArray(items))
    for (const [at, item] of value.entries())
      found.push(...repeatedItems(items, item, `${schemaPath}/items`, `${instancePath}/${at}`))
  return found
}
