import type { Deadlines } from '@sekisho/wire'
import type { DeployedFunction } from '../model/deployed-function.ts'

export interface RuntimeApiOptions {
  readonly functionName: string
  readonly functionVersion: string
  readonly handler: string
  readonly accountId: string
  /** File names of the executables in /opt/extensions; undefined: nobody knows, and any extension may register as one of them. */
  readonly extensions?: readonly string[] | undefined
  /** Events that may run at a time (AWS_LAMBDA_MAX_CONCURRENCY). Default 1. */
  readonly maxConcurrency?: number | undefined
  /** Default 200 MiB. */
  readonly maxStreamedBytes?: number | undefined
  /** For connections that are being closed; default: one for all environments. */
  readonly deadlines?: Deadlines | undefined
}

/** What the Runtime API of an environment must know of its function. */
export const runtimeApiOptions = (fn: DeployedFunction): RuntimeApiOptions => ({
  functionName: fn.name,
  functionVersion: fn.version,
  handler: fn.handler,
  // arn:aws:lambda:REGION:ACCOUNT:function:NAME
  accountId: fn.arn.split(':')[4] ?? '',
})
