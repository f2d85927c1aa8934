import type { Document, Item } from '../../control/control-plane.ts'
import { idField } from '../../resources/identity.ts'
import type { ResourceKind } from '../../resources/kind-names.ts'
import type { PluginLookup } from '../../config/plugin-lookup.ts'
import { hidePrivateKeys, maskSecrets } from '../audit/mask-secrets.ts'

/** As APISIX names what it keeps in etcd. */
export const storeKey = (kind: ResourceKind, id?: string): string =>
  `/apisix/${kind}${id === undefined ? '' : `/${id}`}`

/** Secrets and private keys go in and never come out; credentials have a path of their own. */
export const shownValue =
  (plugins: PluginLookup) =>
  ({ kind, value }: Item): object =>
    withoutCredentials(kind, maskSecrets(kind, hidePrivateKeys(kind, value), plugins))

export function withoutCredentials(kind: ResourceKind, value: Document): Document {
  if (kind !== 'consumers' || value['credentials'] === undefined) return value
  const { credentials: _credentials, ...rest } = value
  return rest
}

/** What a write is answered with. */
export const written = (item: Item, plugins: PluginLookup): object => ({
  key: storeKey(item.kind, item.id),
  value: shownValue(plugins)(item),
})

/** What a read is answered with. */
export const stored = (item: Item, shown: (item: Item) => object): object => ({
  key: storeKey(item.kind, item.id),
  value: shown(item),
  createdIndex: item.createRevision,
  modifiedIndex: item.revision,
})

/** The id within a body, as text; undefined when there is none. */
export const bodyId = (kind: ResourceKind, body: Readonly<Record<string, unknown>>): string | undefined =>
  idText(body[idField(kind)])

/** `1` and `"1"` are the same id; what is no id is told by the schema. */
export const idText = (id: unknown): string | undefined =>
  typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
