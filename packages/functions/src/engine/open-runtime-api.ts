import { RuntimeApi } from '../runtime-api/runtime-api.ts'
import type { OpenEnvironmentApi } from './environment-api.ts'

/** The Runtime API itself, for the engine's environments. */
export const openRuntimeApi =
  (accountId: string): OpenEnvironmentApi =>
  (listener, fn, extensions) =>
    new RuntimeApi(listener, {
      functionName: fn.name,
      functionVersion: fn.version,
      handler: fn.handler,
      accountId,
      extensions,
    })
