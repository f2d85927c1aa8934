import type { TSchema } from 'typebox'
import { optionRows, type SchemaNode } from '../../../../plugins/schema-rows.ts'
import type { Facts } from './facts.ts'

export interface Difference {
  readonly option: string
  readonly there: unknown
  readonly here: unknown
}

/** Defaults that are not APISIX's, with what is filled into them. */
export function differing(facts: Facts, schema: TSchema): Difference[] {
  const rows = new Map(optionRows(schema as SchemaNode).map((row) => [row.name, row]))
  return Object.entries(facts).flatMap(([option, { default: there, type }]): Difference[] => {
    const row = rows.get(option)
    if (row === undefined) return []
    // An empty table of Lua is a list as well.
    const meant = type === 'array' && JSON.stringify(there) === '{}' ? [] : there
    const own = row.fallback
    if (own === undefined && meant === undefined) return []
    if (typeof own === 'object' && !Array.isArray(own) && type === 'object') {
      // Of objects, what is within is compared by itself.
      return []
    }
    return sorted(own) === sorted(meant) ? [] : [{ option, there: meant, here: own }]
  })
}

/** JSON with the names in order. */
export const sorted = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  ) ?? 'none'
