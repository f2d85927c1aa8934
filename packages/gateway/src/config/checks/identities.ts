import { derivedIds, idField, writtenId } from '../../resources/identity.ts'
import { KIND_SINGULAR, type ResourceKind } from '../../resources/kind-names.ts'
import type { Findings } from '../problem.ts'
import type { Entry } from './entry.ts'

type Item = Readonly<Record<string, unknown>>

/** Gives every item of a list its id, written or derived, and reports ids that are there twice. */
export function identify(kind: ResourceKind, items: readonly (readonly [Item, number])[], findings: Findings): Entry[] {
  const without = items.filter(([item]) => writtenId(kind, item) === undefined)
  const derived = new Map(
    derivedIds(
      kind,
      without.map(([item]) => item),
    ).map((id, at) => [without[at]![1], id]),
  )
  const places = new Map<string, string>()
  const entries: Entry[] = []
  for (const [item, index] of items) {
    const path = `/${kind}/${index}`
    const id = writtenId(kind, item) ?? derived.get(index) ?? String(index)
    const first = places.get(id)
    if (first === undefined) {
      places.set(id, path)
      entries.push({ kind, id, item, path })
    } else if (derived.has(index)) {
      findings.add({
        path,
        message: `is the same ${KIND_SINGULAR[kind]} as ${first}`,
        remedy: 'remove one of the two, or give them ids',
      })
    } else {
      const field = idField(kind)
      findings.add({
        path: `${path}/${field}`,
        value: JSON.stringify(item[field]),
        message: `is the ${field} of ${first} already`,
        remedy: `${field === 'id' ? 'ids' : 'names'} are unique within "${kind}"`,
      })
    }
  }
  return entries
}
