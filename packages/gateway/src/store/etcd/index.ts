export type { EtcdClientOptions, EtcdTls } from './client/options.ts'
export { EtcdBackend, type EtcdOptions, openEtcd } from './etcd-backend.ts'
export { ETCD_HISTORY_LIMITS, type EtcdHistoryLimits } from './history/prune.ts'
export { readTls } from './client/read-tls.ts'
