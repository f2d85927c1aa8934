import { availableParallelism } from 'node:os'
import type { ResourceLimits } from 'node:worker_threads'
import type { ListenerInfo } from './application.ts'
import type { ServerLogger } from './logger.ts'

/** How long a stop or an upgrade waits for exchanges in flight before it cuts them. */
export const DEFAULT_GRACE_PERIOD_MS = 30_000
/** How long a new gateway process may take from its start until every worker serves. Loading a large table takes seconds. */
export const DEFAULT_READY_TIMEOUT_MS = 60_000
/**
 * Duplicates of each listener handed over beyond one for each worker. A worker's descriptors close with its thread and Node cannot duplicate one,
 * so each restarted worker uses a spare. 8 costs nothing (a descriptor is a few bytes in the kernel) and lets a process
 * live through eight crashes before it is replaced as a whole.
 */
export const SPARE_DESCRIPTORS = 8
/** More threads than this is a typing error: the largest machines have a few hundred cores. */
export const MAX_WORKERS = 1024

/** How a program's processes and threads live. */
export interface ServerOptions {
  /** Worker threads, each a whole data plane. `auto` (the default): one for each core that this process may use. */
  readonly workers?: number | 'auto'
  /** Milliseconds for exchanges in flight when stopping or upgrading; what is left is cut. Default 30,000. */
  readonly gracePeriodMs?: number
  /**
   * Milliseconds that a stop goes on accepting while the control thread says that the process is not ready
   * (`ControlContext.onUnready`), so that balancers in front send elsewhere before connections are refused. Default 0.
   */
  readonly drainDelayMs?: number
  /** Milliseconds for a new gateway process until all its workers serve; then it is killed and the old one goes on. Default 60,000. */
  readonly readyTimeoutMs?: number
  /** What runs in the gateway process instead of the script that was started. */
  readonly gatewayModule?: URL
  /** What runs in the worker threads instead of the gateway process's module. */
  readonly workerModule?: URL
  /** Flags of `node` for the gateway process and its threads, beyond those that the supervisor was started with. */
  readonly nodeFlags?: readonly string[]
  /**
   * Restarts of worker threads that a gateway process can make before it is itself replaced by a new one: so many
   * duplicates of each listener it gets beyond one for each worker. Default 8.
   */
  readonly spareDescriptors?: number
  /** Limits of each worker's heap. A worker beyond them dies alone and is replaced. */
  readonly workerLimits?: ResourceLimits
  /** Where process life is told. Default: lines on standard error. */
  readonly logger?: ServerLogger
  /**
   * Called in the supervisor when a gateway process serves: the first, and each one that took over. Default: a line to
   * the logger.
   */
  readonly onReady?: (info: ReadyInfo) => void
}

/** A gateway process that serves. */
export interface ReadyInfo {
  readonly listeners: readonly ListenerInfo[]
  /** What the control thread listens on; `key` is the name of each. */
  readonly controlListeners: readonly ListenerInfo[]
  readonly supervisorPid: number
  readonly gatewayPid: number
  /** 1 for the first gateway process, one more for each that followed. */
  readonly generation: number
  readonly workers: number
}

/** The number of threads that `workers` means here. Throws a TypeError when it is not a count. */
export function countWorkers(workers: number | 'auto' = 'auto'): number {
  if (workers === 'auto') return availableParallelism()
  if (Number.isInteger(workers) && workers >= 1 && workers <= MAX_WORKERS) return workers
  throw new TypeError(`workers must be "auto" or a number from 1 to ${MAX_WORKERS}, not ${String(workers)}`)
}
