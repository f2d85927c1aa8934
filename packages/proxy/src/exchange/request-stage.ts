import { removeNamedFields } from '@sekisho/wire'
import { ProxyError } from '../proxy-error.ts'
import { parseGrpcTimeout } from '../grpc/timeout.ts'
import type { MaybePromise, ProxyPhases } from '../phases/phases.ts'
import { enterCache } from './cached-exchange.ts'
import { isPromise, type Exchange } from './exchange.ts'
import { fail, keptContexts } from './finish.ts'
import { attempt } from './upstream-stage.ts'

type Step = <Ctx>(phases: ProxyPhases<Ctx>, exchange: Exchange<Ctx>) => MaybePromise<boolean | void>

/** The phases before an upstream is chosen. Made once: walking them costs no closure per request. */
const STEPS: readonly { readonly name: string; readonly run: Step }[] = [
  { name: 'earlyRequestFilter', run: (phases, exchange) => phases.earlyRequestFilter?.(exchange) },
  { name: 'requestFilter', run: (phases, exchange) => phases.requestFilter?.(exchange) },
  { name: 'proxyUpstreamFilter', run: (phases, exchange) => phases.proxyUpstreamFilter?.(exchange) },
]

export function begin<Ctx>(exchange: Exchange<Ctx>): void {
  if (exchange.request.hopByHop) removeNamedFields(exchange.request.headers)
  const { phases } = exchange.runtime
  if (exchange.contextFailure !== undefined) {
    fail(exchange, exchange.contextFailure)
    return
  }
  if (phases.onConnectionReuse !== undefined && exchange.downstream.requestNumber > 1) {
    try {
      phases.onConnectionReuse(exchange, keptContexts.get(exchange.downstream.client))
    } catch (cause) {
      fail(exchange, ProxyError.fromPhase('onConnectionReuse', cause))
      return
    }
  }
  // One look at a mask for requests that have none.
  if (exchange.request.headers.has('grpc-timeout') && !limitByClient(exchange)) return
  if (!settled(exchange, undefined)) runSteps(exchange, 0)
}

/** @returns false when the request is over: its limit is none */
function limitByClient<Ctx>(exchange: Exchange<Ctx>): boolean {
  const text = exchange.request.headers.get('grpc-timeout') as string
  const ms = parseGrpcTimeout(text)
  if (ms !== undefined) {
    exchange.limitTime(ms)
    return true
  }
  const message = 'grpc-timeout is not 1 to 8 digits and one of H, M, S, m, u, n'
  fail(exchange, new ProxyError('REQUEST_REFUSED', 'downstream', 400, message))
  return false
}

function runSteps<Ctx>(exchange: Exchange<Ctx>, from: number): void {
  const { phases } = exchange.runtime
  for (let at = from; at < STEPS.length; at++) {
    const step = STEPS[at]
    let result: MaybePromise<boolean | void>
    try {
      result = step.run(phases, exchange)
    } catch (cause) {
      fail(exchange, ProxyError.fromPhase(step.name, cause))
      return
    }
    if (isPromise(result)) {
      exchange.wait(result, step.name, (self, value) => {
        if (!settled(self, value)) runSteps(self, at + 1)
      })
      return
    }
    if (settled(exchange, result)) return
  }
  if (phases.requestCacheFilter === undefined) attempt(exchange)
  else enterCache(exchange)
}

/** Whether a step ended the way to the upstream: by an answer, or by `proxyUpstreamFilter` saying no. */
function settled<Ctx>(exchange: Exchange<Ctx>, result: boolean | void): boolean {
  if (exchange.over) return true
  if (exchange.answer !== undefined) return exchange.sendAnswer()
  if (result !== false) return false
  fail(exchange, new ProxyError('NO_UPSTREAM', 'internal', 502, 'proxyUpstreamFilter refused the request'))
  return true
}
