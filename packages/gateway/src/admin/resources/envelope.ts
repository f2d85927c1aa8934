import type { Item } from '../../control/control-plane.ts'
import { idField } from '../../resources/identity.ts'
import type { ResourceKind } from '../../resources/kind-names.ts'
import { hidePrivateKeys } from '../audit/mask-secrets.ts'

/** As APISIX names what it keeps in etcd. */
export const storeKey = (kind: ResourceKind, id?: string): string =>
  `/apisix/${kind}${id === undefined ? '' : `/${id}`}`

/** Private keys of certificates go in and never come out. */
export const shownValue = ({ kind, value }: Item): object => hidePrivateKeys(kind, value)

/** What a write is answered with. */
export const written = (item: Item): object => ({ key: storeKey(item.kind, item.id), value: shownValue(item) })

/** What a read is answered with. */
export const stored = (item: Item, shown = shownValue): object => ({
  key: storeKey(item.kind, item.id),
  value: shown(item),
  createdIndex: item.createRevision,
  modifiedIndex: item.revision,
})

/** The id within a body, as text; undefined when there is none. */
export function bodyId(kind: ResourceKind, body: Readonly<Record<string, unknown>>): string | undefined {
  const id = body[idField(kind)]
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}
