import { createHash } from 'node:crypto'
import type { ResourceKind } from './kind-names.ts'

type Item = Readonly<Record<string, unknown>>

/** Hexadecimal digits of an id made from content: 48 bits, so 10,000 resources collide once in 5 million sets. */
const DIGITS = 12

/** The field that names a resource of this kind. */
export const idField = (kind: ResourceKind): 'id' | 'username' => (kind === 'consumers' ? 'username' : 'id')

/** Its id as written, as text; undefined when it has none. */
export function writtenId(kind: ResourceKind, item: Item): string | undefined {
  const id = item[idField(kind)]
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}

/**
 * Ids for the items of a list that have none (routes, services and upstreams may be written without): `auto-` and a
 * hash of what the item is about. APISIX counts (`arr_3`), so that a route moved up in the file becomes another route,
 * with its limits counted from zero.
 *
 * - A route is about its paths, methods and hosts; an ssl about its names; a service or upstream about its `name`.
 * - Where these are equal or missing, all of the content decides. Equal content twice gets equal ids: the caller
 *   reports that as a duplicate.
 */
export function derivedIds(kind: ResourceKind, items: readonly Item[]): string[] {
  const subjects = items.map((item) => subjectOf(kind, item))
  const seen = new Map<string, number>()
  for (const subject of subjects) if (subject !== undefined) seen.set(subject, (seen.get(subject) ?? 0) + 1)
  return items.map((item, index) => {
    const subject = subjects[index]
    return hash(subject !== undefined && seen.get(subject) === 1 ? subject : canonical(withoutTimes(item)))
  })
}

function subjectOf(kind: ResourceKind, item: Item): string | undefined {
  if (kind === 'ssls') return item['type'] === 'client' ? undefined : `ssls ${String(item['snis'] ?? item['sni'])}`
  if (kind !== 'routes') return typeof item['name'] === 'string' ? `${kind} ${item['name']}` : undefined
  const list = (one: unknown, many: unknown): unknown[] =>
    Array.isArray(many) ? many.map(String).sort(compareText) : [one ?? null]
  return canonical([
    list(item['uri'], item['uris']),
    list(undefined, item['methods']),
    list(item['host'], item['hosts']),
  ])
}

function withoutTimes(item: Item): Item {
  const { create_time: _created, update_time: _updated, ...rest } = item
  return rest
}

const hash = (text: string): string => `auto-${createHash('sha1').update(text).digest('hex').slice(0, DIGITS)}`

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** JSON with the keys of objects sorted, so that equal content gives equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => compareText(a, b)))
      : part,
  )
}
