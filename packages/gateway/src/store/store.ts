import type { ResourceKind, ResourceTypes } from '../resources/kind-names.ts'
import type { ResourceSet } from '../resources/resource-set.ts'

/** All resources at one moment. */
export interface Snapshot {
  /** Grows with each change. Counted by the store: comparable within one store only. */
  readonly revision: number
  readonly resources: ResourceSet
}

/** One resource set (`value`) or removed (`value` undefined). */
export type Operation = {
  readonly [Kind in ResourceKind]: {
    readonly kind: Kind
    readonly id: string
    readonly value: ResourceTypes[Kind] | undefined
  }
}[ResourceKind]

/** What leads from one revision to the next. Applied as a whole or not at all. */
export interface Change {
  readonly revision: number
  /** The revision that it starts from. A follower that has another one loads the snapshot anew. */
  readonly from: number
  /** In an order in which nothing refers to what is not there: see `diffResources`. */
  readonly operations: readonly Operation[]
}

/** Where resources come from. What a store gives out is valid: what is not, it reports and does not give out. */
export interface Store {
  /** The present snapshot. Rejects when there is none that is valid. */
  load(): Promise<Snapshot>
  /** Calls `listener` for each change after the snapshot that was loaded last, in order. Returns what ends that. */
  watch(listener: (change: Change) => void): () => void
  close(): Promise<void>
}
