import { totalmem } from 'node:os'
import type { DeployedFunction } from '../model/deployed-function.ts'
import type { EnvironmentFacts } from '../runtimes/launch-plan.ts'

export interface EngineSettings {
  readonly region: string
  /** Invocations at a time over all functions. */
  readonly concurrency: number
  /** Environments at a time, warm ones included. */
  readonly maxEnvironments: number
  /** Memory of all environments together, MB: what they may take while they work, what they hold while they are frozen. */
  readonly maxMemoryMb: number
  /** An environment without work for so long ends. */
  readonly idleTimeoutMs: number
  /** One without work for so long is frozen: a call that follows on the heels of another need not thaw it. */
  readonly freezeAfterMs: number
  /** Of an environment on demand. */
  readonly initTimeoutMs: number
  /** Of one of provisioned concurrency; the function's own timeout if that is longer. */
  readonly provisionedInitTimeoutMs: number
  /** Environments of provisioned concurrency that start at the same time, per function version. */
  readonly provisionedStarts: number
  /** AWS's rate of growth per function, 1,000 environments in 10 s; undefined: none. */
  readonly burst: { readonly environments: number; readonly perMs: number } | undefined
  /** In proportion to memory (1 vCPU at 1,769 MB), or all there are. */
  readonly cpu: 'proportional' | 'unlimited'
  /** The largest response of a call that does not stream, bytes. */
  readonly maxResponseBytes: number
  /** The largest streamed response, bytes. */
  readonly maxStreamedBytes: number
  readonly credentials: (fn: DeployedFunction) => EnvironmentFacts['credentials']
}

/** AWS's figures where it has some. */
export const DEFAULT_ENGINE_SETTINGS: EngineSettings = {
  region: 'us-east-1',
  concurrency: 1000,
  maxEnvironments: 1000,
  maxMemoryMb: Math.floor((totalmem() / 1024 / 1024) * 0.75),
  idleTimeoutMs: 600_000,
  freezeAfterMs: 20,
  initTimeoutMs: 10_000,
  provisionedInitTimeoutMs: 130_000,
  provisionedStarts: 4,
  burst: undefined,
  cpu: 'proportional',
  maxResponseBytes: 6_291_556,
  maxStreamedBytes: 200 * 1024 * 1024,
  credentials: () => undefined,
}
