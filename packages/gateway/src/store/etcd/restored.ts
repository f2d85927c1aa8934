import type { EtcdClient } from './client/etcd-client.ts'
import { isEtcdFailure } from './client/etcd-error.ts'
import type { StoreMark } from './documents.ts'
import type { WatchedLayout } from './layout.ts'
import type { RangeResponse } from './messages/messages.ts'

/** `restored`: in words, why the store is not the one that was seen, as far as it was seen; undefined: it is. */
export interface StoreCheck {
  readonly clusterId: bigint
  readonly restored: string | undefined
}

/**
 * Finds out whether the store was replaced, or restored from a backup that is older than `revision`. The cluster's identity and the
 * revision alone do not tell: a restored store has the same identity where it is set up with the same names, and gets beyond the
 * revision by new writes. So something that was seen is looked up: if its change is not there, history is another one.
 */
export async function findRestored(
  client: EtcdClient,
  layout: WatchedLayout,
  revision: number,
  mark: StoreMark | undefined,
): Promise<StoreCheck> {
  const { header } = await client.range({ key: layout.marker, keysOnly: true })
  const check = (restored: string | undefined): StoreCheck => ({ clusterId: header.clusterId, restored })
  if (mark !== undefined && mark.clusterId !== header.clusterId) return check('it is another cluster than before')
  if (header.revision < revision) {
    return check(`it is back at revision ${header.revision}, ${revision} was seen: restored from a backup`)
  }
  if (mark?.witness === undefined || (await isThere(client, mark.witness))) return check(undefined)
  const { key, modRevision } = mark.witness
  return check(`the change of ${key} in revision ${modRevision} cannot be found: restored from a backup, or compacted`)
}

async function isThere(client: EtcdClient, { key, modRevision }: NonNullable<StoreMark['witness']>): Promise<boolean> {
  const holds = ({ kvs }: RangeResponse): boolean => kvs[0]?.modRevision === modRevision
  try {
    return holds(await client.range({ key, revision: modRevision, keysOnly: true }))
  } catch (error) {
    if (!isEtcdFailure(error, 'compacted')) throw error
    return holds(await client.range({ key, keysOnly: true }))
  }
}
