import { isMainThread, workerData } from 'node:worker_threads'
import type { ListenerInfo } from './application.ts'
import type { InheritedListener } from './descriptors.ts'

/** What the supervisor tells a gateway process, as JSON in `ROLE_VARIABLE`. */
export interface GatewayAssignment {
  /** 1 for the first process, one more for each that follows. */
  readonly generation: number
  readonly workers: number
  /** Milliseconds to drain when the supervisor is gone and cannot say so itself. */
  readonly graceMs: number
  readonly listeners: readonly InheritedListener[]
  readonly controlListeners: readonly InheritedListener[]
  /** URL of the module that runs in the worker threads, when it is not the one that runs in the process. */
  readonly workerModule?: string
  /** The first message is what the process before it kept. */
  readonly inherits?: boolean
  /** Another process serves until this one is ready. */
  readonly replaces?: boolean
}

/** What the control thread tells a worker thread, in its `workerData`. */
export interface WorkerAssignment {
  readonly index: number
  readonly count: number
  readonly generation: number
  readonly data: unknown
  readonly shared: Readonly<Record<string, SharedArrayBuffer>>
  readonly listeners: readonly (ListenerInfo & { readonly fd: number })[]
}

/** Which part this process or thread plays. The user's script runs in each of them, as with node:cluster. */
export type Role =
  | { readonly kind: 'supervisor' }
  | { readonly kind: 'gateway'; readonly assignment: GatewayAssignment }
  | { readonly kind: 'worker'; readonly assignment: WorkerAssignment }

export const ROLE_VARIABLE = 'SEKISHO_SERVER_ROLE'

/** The property of `workerData` that makes a thread one of ours. */
export interface WorkerData {
  readonly sekishoWorker: WorkerAssignment
}

/**
 * Where the role is kept once it was read. Not a variable of this module: a bundle may hold this module twice, and the
 * second copy, finding the environment variable gone, would take itself for the first process and start supervisors without end.
 */
const holder = globalThis as { [ROLE]?: Role }
const ROLE = Symbol.for('sekisho.server.role')

// Read when the module is loaded and deleted at once, so that no process which the program starts inherits the role.
holder[ROLE] ??= readRole(process.env, isMainThread ? undefined : workerData)
delete process.env[ROLE_VARIABLE]

/** Exported for its test. `threadData` is the thread's `workerData`, undefined in a main thread. */
export function readRole(environment: NodeJS.ProcessEnv, threadData: unknown): Role {
  const worker = (threadData as WorkerData | null | undefined)?.sekishoWorker
  if (worker !== undefined) return { kind: 'worker', assignment: worker }
  const gateway = environment[ROLE_VARIABLE]
  if (gateway !== undefined) return { kind: 'gateway', assignment: JSON.parse(gateway) as GatewayAssignment }
  return { kind: 'supervisor' }
}

/** The role of this process or thread. */
export function currentRole(): Role {
  return holder[ROLE]!
}
