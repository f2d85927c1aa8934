import { RESOURCE_KINDS, type ResourceKind, type ResourceTypes } from './kind-names.ts'

/** All resources: for each kind, what was written, by id. Plain data, so it can be posted to worker threads as it is. */
export type ResourceSet = { readonly [Kind in ResourceKind]: ReadonlyMap<string, ResourceTypes[Kind]> }

/** A resource set while it is filled. */
export type MutableResourceSet = { readonly [Kind in ResourceKind]: Map<string, ResourceTypes[Kind]> }

export const emptyResourceSet = (): MutableResourceSet =>
  Object.fromEntries(RESOURCE_KINDS.map((kind) => [kind, new Map()])) as unknown as MutableResourceSet

/**
 * A resource as it is kept: with its id, without the times that APISIX writes. The object itself where nothing has to
 * change, which is the usual case.
 */
export function kept(
  kind: ResourceKind,
  id: string,
  item: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const withId = kind === 'consumers' || item['id'] !== undefined
  if (withId && item['create_time'] === undefined && item['update_time'] === undefined) return item
  const { create_time: _created, update_time: _updated, ...rest } = item
  return withId ? rest : { id, ...rest }
}
