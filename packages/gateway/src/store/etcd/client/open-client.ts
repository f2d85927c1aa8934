import { EtcdClient } from './etcd-client.ts'
import type { EtcdClientOptions } from './options.ts'

/** Loads the gRPC library, which processes on other stores need not have in memory. Connects when it is used. */
export async function openEtcdClient(options: EtcdClientOptions): Promise<EtcdClient> {
  return new EtcdClient(await import('@grpc/grpc-js'), options)
}
