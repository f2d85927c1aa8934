import { ProxyError } from '../proxy-error.ts'
import { isGrpc, isGrpcCall } from '../grpc/content-type.ts'
import { grpcTrailers } from '../grpc/reply.ts'
import type { Exchange } from './exchange.ts'
import { renderJsonError, type LocalResponse } from './reply.ts'
import { answerLocally, endFiltered } from './response-stage.ts'

/** The exchange cannot go on: answers the client if that is still possible, cuts the response if not. */
export function fail<Ctx>(exchange: Exchange<Ctx>, error: ProxyError): void {
  if (exchange.over) return
  exchange.upstream?.discard()
  exchange.upstream = undefined
  exchange.attemptLimit?.end()
  exchange.hedging?.end()
  logError(exchange, error)
  if (exchange.downstream.headSent) {
    if (!endWithStatus(exchange, error)) exchange.downstream.cut()
    finish(exchange, error)
    return
  }
  exchange.answer = undefined
  exchange.answered = false
  if (exchange.cached !== undefined && !exchange.failed && exchange.cached.takesFailure(error)) return
  if (exchange.failed) {
    answerBare(exchange, error)
    return
  }
  exchange.failed = true
  try {
    exchange.runtime.phases.failToProxy?.(exchange, error)
  } catch (cause) {
    logError(exchange, ProxyError.fromPhase('failToProxy', cause))
  }
  if (error.status === 0 && exchange.answer === undefined) {
    exchange.downstream.cut()
    finish(exchange, error)
    return
  }
  answerLocally(exchange, exchange.answer ?? errorPage(exchange, error), error)
}

/**
 * A client of gRPC learns more from trailers than from a reset. They can follow whatever has been sent in HTTP/2 alone (those of gRPC-Web, in
 * the body, anywhere), and only where no length was promised.
 */
function endWithStatus<Ctx>(exchange: Exchange<Ctx>, error: ProxyError): boolean {
  const { downstream, request, response } = exchange
  if (!isGrpcCall(request) || response?.headers.has('content-length') === true) return false
  if (!isGrpc(request)) return endFiltered(exchange, grpcTrailers(error))
  if (downstream.httpMajor !== 2) return false
  exchange.trailerLines = grpcTrailers(error)
  downstream.endBody(exchange.trailerLines)
  return true
}

function errorPage<Ctx>(exchange: Exchange<Ctx>, error: ProxyError): LocalResponse {
  try {
    const page = exchange.runtime.renderError(error.status, error.code)
    for (const name in error.fields) page.head.headers.set(name, error.fields[name])
    return page
  } catch (cause) {
    logError(exchange, ProxyError.fromPhase('renderError', cause))
    return renderJsonError(500, error.code)
  }
}

/** A callback failed for the answer to a failure, too: what leaves now is seen by none. */
function answerBare<Ctx>(exchange: Exchange<Ctx>, error: ProxyError): void {
  const { head, body } = renderJsonError(500, error.code)
  exchange.response = head
  exchange.responseSource = 'local'
  exchange.downstream.sendResponse(head, body)
  finish(exchange, error)
}

/** The end of every exchange: logs once, and forgets the upstream. */
export function finish<Ctx>(exchange: Exchange<Ctx>, error: ProxyError | undefined): void {
  if (exchange.over) return
  exchange.over = true
  exchange.finishedAt = performance.now()
  if (exchange.attemptLimit !== undefined) exchange.attemptLimit.end()
  if (exchange.hedging !== undefined) exchange.hedging.end()
  if (exchange.timeLimit !== undefined) exchange.runtime.deadlines.remove(exchange.timeLimit)
  if (exchange.upstream !== undefined) {
    exchange.upstream.discard()
    exchange.upstream = undefined
  }
  exchange.cached?.over()
  if (exchange.subrequests !== undefined) abandonAll(exchange.subrequests)
  const { phases } = exchange.runtime
  try {
    phases.logging?.(exchange, error)
  } catch (cause) {
    logError(exchange, ProxyError.fromPhase('logging', cause))
  }
  if (phases.persistConnectionContext === undefined) return
  try {
    keptContexts.set(exchange.downstream.client, phases.persistConnectionContext(exchange))
  } catch (cause) {
    logError(exchange, ProxyError.fromPhase('persistConnectionContext', cause))
  }
}

function abandonAll(subrequests: ReadonlySet<{ abandon(reason: string): void }>): void {
  for (const one of [...subrequests]) one.abandon('the request that wanted it is over')
}

/** What `persistConnectionContext` kept, by connection. */
export const keptContexts = new WeakMap<object, unknown>()

export function logError<Ctx>(exchange: Exchange<Ctx>, error: ProxyError): void {
  const { phases, logger } = exchange.runtime
  try {
    if (phases.suppressErrorLog?.(exchange, error)) return
    const request = phases.requestSummary?.(exchange) ?? summary(exchange)
    const fields = {
      code: error.code,
      source: error.source,
      request,
      peer: exchange.peer?.name,
      client: exchange.remoteAddress,
    }
    if (error.source === 'internal') logger.error({ ...fields, err: error.cause ?? error }, error.message)
    else if (error.source === 'upstream') logger.warn({ ...fields, attempt: exchange.attempts }, error.message)
    else logger.info(fields, error.message)
  } catch (cause) {
    logger.error({ err: cause }, 'the error log failed')
  }
}

const summary = (exchange: Exchange<unknown>): string =>
  `${exchange.request.method} ${exchange.request.host}${exchange.request.path}`
