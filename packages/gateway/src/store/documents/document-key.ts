import { RESOURCE_KINDS, type ResourceKind } from '../../resources/kind-names.ts'
import type { DocumentKey } from '../backend/backend.ts'

export const documentKey = (kind: ResourceKind, id: string): DocumentKey => `${kind}/${id}`

/** Kind and id; undefined for a kind that this version does not know. */
export function keyParts(key: string): { readonly kind: ResourceKind; readonly id: string } | undefined {
  const slash = key.indexOf('/')
  const kind = KINDS.get(key.slice(0, slash))
  const id = key.slice(slash + 1)
  return kind === undefined || id === '' ? undefined : { kind, id }
}

const KINDS: ReadonlyMap<string, ResourceKind> = new Map(RESOURCE_KINDS.map((kind) => [kind, kind]))
