import type { Socket } from 'node:net'
import type { DeployedFunction } from '../model/deployed-function.ts'
import type { RuntimeApiListener, RuntimeEvent } from '../runtime-api/runtime-api-listener.ts'

/** The Runtime API of one environment, as the engine uses it. */
export interface EnvironmentApi {
  /** The runtime or an extension connected. */
  open(socket: Socket): void
  /** The answer to the `next` that was announced, and INVOKE for the extensions. May be called from within `onRuntimeNext`. */
  deliver(event: RuntimeEvent): void
  /** Takes pieces of a streamed response again. */
  resumeResponse(): void
  sendShutdown(reason: 'SPINDOWN' | 'TIMEOUT' | 'FAILURE', deadlineMs: number): void
  close(): void
}

/** @param extensions names of the external extensions that are started with the runtime */
export type OpenEnvironmentApi = (
  listener: RuntimeApiListener,
  fn: DeployedFunction,
  extensions: readonly string[],
) => EnvironmentApi
