import type { DeployedFunction } from '../model/deployed-function.ts'
import type { Invocation, InvocationSink, RunningInvocation } from './invocation.ts'

/** State of provisioned concurrency, as GetProvisionedConcurrencyConfig answers it. */
export interface ProvisionedState {
  readonly requested: number
  readonly allocated: number
  readonly available: number
  readonly status: 'IN_PROGRESS' | 'READY' | 'FAILED'
  readonly reason: string | undefined
}

/** Figures of one function for metrics and `fn list`. */
export interface FunctionState {
  readonly name: string
  readonly environments: number
  readonly busy: number
}

/** Runs functions: environments, warm pools, concurrency, limits. Knows nothing of HTTP, aliases or packages. */
export interface Engine {
  /** Starts an invocation, or throttles it. Never throws. */
  invoke(invocation: Invocation, sink: InvocationSink): RunningInvocation
  /** Cap and guarantee of a function over all its versions; undefined: none. 0 throttles all. */
  reserve(functionName: string, concurrency: number | undefined): void
  /** Keeps so many environments of a version warm; undefined ends it. */
  provision(target: DeployedFunction, concurrency: number | undefined): void
  provisioned(functionName: string, version: string): ProvisionedState | undefined
  /** Another revision took the place of this one: its environments end when they are idle. */
  retire(functionName: string, version: string, keepRevisionId: string | undefined): void
  state(): readonly FunctionState[]
  /** Environments that are there, per function version: `fn doctor`, tests. */
  readonly environments: number
  /** No new invocations; resolves when those under way are over or `graceMs` has passed. */
  drain(graceMs: number): Promise<void>
  close(): Promise<void>
}
