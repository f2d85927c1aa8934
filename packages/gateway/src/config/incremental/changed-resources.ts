import type { ResourceKind } from '../../resources/kind-names.ts'
import type { Claims } from '../checks/claims.ts'
import type { Entry, Item } from '../checks/entry.ts'
import type { KnownResources } from '../checks/known-resources.ts'
import type { ResourceIndex } from './resource-index.ts'
import { type ResourceKey, resourceKey } from './resource-key.ts'

/** What a change makes of a resource: another one, one that did not pass its schema, or nothing. */
export type ChangedEntry = Entry | 'invalid' | undefined

/** Resources as they would be after a change: the index, seen through the change. */
export class ChangedResources implements KnownResources, Claims {
  private readonly index: ResourceIndex
  private readonly changed: ReadonlyMap<ResourceKey, ChangedEntry>
  private readonly taken = new Map<string, string>()

  constructor(index: ResourceIndex, changed: ReadonlyMap<ResourceKey, ChangedEntry>) {
    this.index = index
    this.changed = changed
  }

  has(kind: ResourceKind, id: string): boolean {
    const key = resourceKey(kind, id)
    return this.changed.has(key) ? this.changed.get(key) !== undefined : this.index.has(kind, id)
  }

  *ids(kind: ResourceKind): Iterable<string> {
    for (const id of this.index.ids(kind)) if (this.has(kind, id)) yield id
    for (const [key, entry] of this.changed) {
      const id = key.slice(kind.length + 1)
      if (entry !== undefined && key.startsWith(`${kind}/`) && !this.index.has(kind, id)) yield id
    }
  }

  item(kind: ResourceKind, id: string): Item | undefined {
    const key = resourceKey(kind, id)
    if (!this.changed.has(key)) return this.index.item(kind, id)
    const entry = this.changed.get(key)
    return entry === 'invalid' ? undefined : entry?.item
  }

  take(name: string, holder: string): string | undefined {
    const known = this.index.holderOf(name, (key) => this.changed.has(key)) ?? this.taken.get(name)
    if (known === undefined) this.taken.set(name, holder)
    return known
  }
}

/** The same, where it is no mistake to refer to what is not there: nobody asked for a resource that was there before to be checked for that. */
export const withoutMissing = (known: KnownResources): KnownResources => ({
  has: () => true,
  ids: (kind) => known.ids(kind),
  item: (kind, id) => known.item(kind, id),
})
