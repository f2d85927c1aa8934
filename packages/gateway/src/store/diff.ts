import { isDeepStrictEqual } from 'node:util'
import { RESOURCE_KINDS } from '../resources/kind-names.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import type { Operation } from './store.ts'

/**
 * The operations that turn `before` into `after`; none when they are equal. Values are compared deeply; the order of
 * keys in an object is no difference.
 *
 * What is set comes first, in the order of RESOURCE_KINDS; then what is removed, in the opposite order: at every step
 * each reference has its target.
 */
export function diffResources(before: ResourceSet, after: ResourceSet): Operation[] {
  const operations: Operation[] = []
  for (const kind of RESOURCE_KINDS) {
    const old = before[kind]
    for (const [id, value] of after[kind]) {
      const known = old.get(id)
      if (known === undefined || !isDeepStrictEqual(known, value)) operations.push({ kind, id, value } as Operation)
    }
  }
  for (const kind of RESOURCE_KINDS.toReversed()) {
    const kept = after[kind]
    for (const id of before[kind].keys()) if (!kept.has(id)) operations.push({ kind, id, value: undefined })
  }
  return operations
}
