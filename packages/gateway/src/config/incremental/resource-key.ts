import type { ResourceKind } from '../../resources/kind-names.ts'

/** `routes/1`: a resource among all of them. */
export type ResourceKey = `${ResourceKind}/${string}`

export const resourceKey = (kind: ResourceKind, id: string): ResourceKey => `${kind}/${id}`
