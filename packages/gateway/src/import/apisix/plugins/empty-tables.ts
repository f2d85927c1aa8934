import type { TSchema } from 'typebox'
import type { SchemaNode } from '../../../plugins/schema-rows.ts'
import { isFields } from '../source/source-item.ts'

/** An empty table of Lua is written `{}` or `[]`, as it comes: makes each what the schema takes in its place. Returns the value, changed in place. */
export function settleEmptyTables(schema: TSchema, value: unknown): unknown {
  return settle(schema as SchemaNode, value)
}

function settle(node: SchemaNode, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Object.keys(value).length === 0) {
    const types = [node, ...(node.anyOf ?? []), ...(node.oneOf ?? [])].map(({ type }) => type)
    const wanted = Array.isArray(value) ? 'array' : 'object'
    const other = Array.isArray(value) ? 'object' : 'array'
    if (types.includes(wanted) || !types.includes(other)) return value
    return Array.isArray(value) ? {} : []
  }
  if (Array.isArray(value)) {
    const { items } = node
    if (items === undefined || Array.isArray(items)) return value
    for (const [at, item] of (value as unknown[]).entries()) value[at] = settle(items as SchemaNode, item)
  } else if (isFields(value)) {
    const fields = value as Record<string, unknown>
    for (const [name, child] of Object.entries(node.properties ?? {}))
      if (Object.hasOwn(fields, name)) fields[name] = settle(child, fields[name])
  }
  return value
}
