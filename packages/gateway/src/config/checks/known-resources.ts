import type { ResourceKind } from '../../resources/kind-names.ts'
import type { Entry, Item } from './entry.ts'

/** All resources there are, as the checks of one of them see the others: those of a whole file, or of a store with a change made to it. */
export interface KnownResources {
  /** Also for one that did not pass its schema: a reference to it is not a second mistake. */
  has(kind: ResourceKind, id: string): boolean
  /** Of all that `has` knows; for suggestions. */
  ids(kind: ResourceKind): Iterable<string>
  /** One that passed its schema: the checks may rely on types. */
  item(kind: ResourceKind, id: string): Item | undefined
}

/** The resources of a whole document. */
export class DocumentResources implements KnownResources {
  private readonly all: ReadonlyMap<ResourceKind, ReadonlySet<string>>
  private readonly items = new Map<string, Item>()

  /** @param entries those that passed their schema @param ids of all */
  constructor(entries: readonly Entry[], ids: ReadonlyMap<ResourceKind, ReadonlySet<string>>) {
    this.all = ids
    for (const { kind, id, item } of entries) this.items.set(`${kind}/${id}`, item)
  }

  has(kind: ResourceKind, id: string): boolean {
    return this.all.get(kind)?.has(id) === true
  }

  ids(kind: ResourceKind): Iterable<string> {
    return this.all.get(kind) ?? []
  }

  item(kind: ResourceKind, id: string): Item | undefined {
    return this.items.get(`${kind}/${id}`)
  }
}
