import { join } from 'node:path'
import type { FunctionsSettings } from '@sekisho/gateway/internal/config/settings/functions'
import { nodeId } from '@sekisho/functions/internal/platform/node-id'
import type { PlatformLogger } from '@sekisho/functions/internal/platform/options'
import type { StateStore } from '@sekisho/functions/internal/state/state-store'

type EtcdStore = Extract<FunctionsSettings['store'], { type: 'etcd' }>

/**
 * The state that several nodes share. Loads what etcd takes, which nodes on a store of their own need not have in memory.
 * @param path folder of this node
 */
export async function openEtcdState(store: EtcdStore, path: string, logger: PlatformLogger): Promise<StateStore> {
  const { EtcdState } = await import('./etcd-state/etcd-state.ts')
  const { readTls } = await import('@sekisho/gateway/internal/store/etcd/client/read-tls')
  const { endpoints, prefix, user, password, tls } = store
  return EtcdState.open({
    endpoints,
    prefix,
    user,
    password,
    tls: tls && readTls(tls),
    node: await nodeId(path),
    copy: join(path, 'state-copy.mdb'),
    onProblem: (message, err) => logger.warn(err === undefined ? {} : { err }, message),
  })
}
