export { MAX_STORE_BYTES } from './apply-commit.ts'
export { DamagedStoreError } from './damaged.ts'
export {
  backupEmbedded,
  DATA_FILE,
  EmbeddedBackend,
  type EmbeddedOptions,
  LOCK_SOCKET,
  openEmbedded,
  readEmbedded,
  TAKE_OVER_TIMEOUT_MS,
} from './embedded-backend.ts'
export type { ExpiryClock } from './expiry.ts'
export { HISTORY_LIMITS, type HistoryLimits } from './history-limits.ts'
