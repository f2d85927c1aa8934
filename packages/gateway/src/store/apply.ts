import type { MutableResourceSet } from '../resources/resource-set.ts'
import type { Operation } from './store.ts'

/** Applies operations to a set of one's own, in place. */
export function applyOperations(resources: MutableResourceSet, operations: readonly Operation[]): void {
  for (const { kind, id, value } of operations) {
    const list = resources[kind] as Map<string, unknown>
    if (value === undefined) list.delete(id)
    else list.set(id, value)
  }
}
