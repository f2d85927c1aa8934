import type { FunctionCatalog, ResolvedFunction } from '../catalog/function-catalog.ts'
import type { Engine } from '../engine/engine.ts'
import type { InvocationResult } from '../engine/invocation.ts'
import { ServiceError } from '../model/service-error.ts'

/** What functions are run with. */
export interface Runner {
  readonly catalog: Pick<FunctionCatalog, 'resolve' | 'prepare'>
  readonly engine: Pick<Engine, 'invoke'>
}

/** A call that nobody waits for at the other end of a connection. */
export interface BackgroundCall {
  readonly requestId: string
  readonly functionName: string
  readonly qualifier: string | undefined
  readonly payload: Buffer
  readonly traceId: string | undefined
  readonly clientContext: string | undefined
  readonly tenantId: string | undefined
}

export type RunOutcome =
  /** It ran: its answer, or its error. */
  | { readonly kind: 'ran'; readonly version: string; readonly result: InvocationResult }
  /** Not now: throttled, still being deployed, the platform's own trouble. */
  | { readonly kind: 'refused'; readonly error: ServiceError }
  /** Never: the function or what was named of it is not there. */
  | { readonly kind: 'impossible'; readonly error: ServiceError }

/** Runs a function once. Never rejects. */
export async function runFunction({ catalog, engine }: Runner, call: BackgroundCall): Promise<RunOutcome> {
  let resolved: ResolvedFunction
  try {
    resolved = catalog.resolve(call.functionName, call.qualifier)
    await catalog.prepare(resolved)
  } catch (error) {
    return notRun(error)
  }
  const { function: fn, invokedArn } = resolved
  const { requestId, payload, traceId, clientContext, tenantId } = call
  const invocation = { requestId, payload, traceId, clientContext, tenantId, function: fn, invokedArn }
  return new Promise((resolve) => {
    engine.invoke(
      { ...invocation, cognitoIdentity: undefined, tail: false },
      {
        streaming: undefined,
        onResult: (result) => resolve({ kind: 'ran', version: fn.version, result }),
        onRefused: (error) => resolve(notRun(error)),
      },
    )
  })
}

function notRun(problem: unknown): RunOutcome {
  const error =
    problem instanceof ServiceError ? problem : new ServiceError('ServiceException', 500, (problem as Error).message)
  const later = error.status >= 500 || error.status === 429 || error.status === 409
  return { kind: later ? 'refused' : 'impossible', error }
}
