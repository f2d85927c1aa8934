import { CHUNKED, isToken, removeHopByHop, RequestHead, TransportError, type ClientStream } from '@sekisho/wire'
import type { Peer } from '../peers/peer.ts'
import { isGrpc } from '../grpc/content-type.ts'
import { formatGrpcTimeout } from '../grpc/timeout.ts'
import { ProxyError } from '../proxy-error.ts'
import { isPromise, type Exchange } from './exchange.ts'
import { fail } from './finish.ts'
import { countDown } from './time-limit.ts'
import { phaseFailed, upstreamFailed } from './upstream-stage.ts'

/** Makes this attempt's request from what the client sent, and sends it. */
export function sendUpstream<Ctx>(exchange: Exchange<Ctx>): void {
  const request = upstreamCopy(exchange.request, exchange.runtime.upgrades, exchange.upstream?.chunks ?? true)
  exchange.cached?.prepare(request)
  const { phases } = exchange.runtime
  if (phases.upstreamRequestFilter === undefined) {
    write(exchange, request)
    return
  }
  let result: void | Promise<void>
  try {
    result = phases.upstreamRequestFilter(exchange, request)
  } catch (cause) {
    phaseFailed(exchange, 'upstreamRequestFilter', cause)
    return
  }
  if (isPromise(result)) exchange.wait(result, 'upstreamRequestFilter', (self) => write(self, request))
  else write(exchange, request)
}

/**
 * The same request for another node, without a body.
 *
 * @returns undefined when it cannot be made at once
 */
export function hedgedRequest<Ctx>(exchange: Exchange<Ctx>, stream: ClientStream, peer: Peer): RequestHead | undefined {
  const { runtime, timeLimit } = exchange
  const request = upstreamCopy(exchange.request, runtime.upgrades, stream.chunks)
  exchange.cached?.prepare(request)
  const attempted = exchange.peer
  // Filters look there for the node that they make the request for.
  exchange.peer = peer
  let result: void | Promise<void>
  try {
    result = runtime.phases.upstreamRequestFilter?.(exchange, request)
  } finally {
    exchange.peer = attempted
  }
  if (isPromise(result)) {
    exchange.guard(result)
    return undefined
  }
  if (!isSound(exchange, request)) return undefined
  settleFraming(request, 0, stream.chunks)
  const { headers } = request
  if ((headers.touched || request.host === '') && !headers.has('host'))
    headers.append('Host', request.host || peer.name)
  if (timeLimit !== undefined && headers.has('grpc-timeout')) {
    const leftMs = timeLimit.remainingAt(performance.now())
    if (leftMs <= 0) return undefined
    headers.set('grpc-timeout', formatGrpcTimeout(leftMs))
  }
  return request
}

/** A copy for one hop: without the fields of the client's connection. */
function upstreamCopy(original: RequestHead, upgrades: readonly string[] | 'any', chunks: boolean): RequestHead {
  const request = original.copy()
  const { headers } = request
  if (original.hopByHop) {
    const protocol = original.upgrade ? headers.get('upgrade') : undefined
    removeHopByHop(headers)
    request.upgrade = protocol !== undefined && (upgrades === 'any' || upgrades.includes(protocol.toLowerCase()))
    if (request.upgrade && protocol !== undefined) {
      headers.appendUnchecked('Connection', 'upgrade')
      headers.appendUnchecked('Upgrade', protocol)
    }
  }
  // In HTTP/1 it concerns the connection, and would have to be named in Connection.
  if (chunks && headers.has('te')) headers.delete('te')
  // We answer 100 ourselves once the upstream is there to take the body.
  if (original.expectContinue) headers.delete('expect')
  return request
}

function write<Ctx>(exchange: Exchange<Ctx>, request: RequestHead): void {
  if (exchange.answer !== undefined) {
    exchange.upstream?.discard()
    exchange.upstream = undefined
    exchange.sendAnswer()
    return
  }
  const peer = exchange.peer as Peer
  const upstream = exchange.upstream as ClientStream
  if (upstream.closed) {
    // It died while an asynchronous filter ran; nothing was sent.
    upstreamFailed(
      exchange,
      new TransportError('CONNECT_FAILED', `${peer.name} closed the connection before the request was sent`),
    )
    return
  }
  if (exchange.request.upgrade && !request.upgrade && exchange.downstream.httpMajor === 2) {
    // Extended CONNECT (RFC 8441) asks for the other protocol alone: there is nothing to go on with without it.
    fail(exchange, new ProxyError('REQUEST_REFUSED', 'downstream', 501, 'this protocol may not be switched to'))
    return
  }
  if (!isSound(exchange, request)) {
    const line = JSON.stringify(`${request.method} ${request.target}`)
    fail(
      exchange,
      new ProxyError('PHASE_FAILED', 'internal', 500, `a filter made a request line that is none: ${line}`),
    )
    return
  }
  const bodyLength = settleFraming(request, exchange.body?.knownLength ?? exchange.request.bodyLength, upstream.chunks)
  // The parser saw to it that there is one, unless it was HTTP/1.0 or somebody took it out.
  const { headers } = request
  if ((headers.touched || request.host === '') && !headers.has('host'))
    headers.append('Host', request.host || peer.name)
  const { timeLimit } = exchange
  const now = performance.now()
  if (timeLimit !== undefined && headers.has('grpc-timeout') && !countDown(timeLimit, headers, now)) return
  if (exchange.messages !== undefined && !isGrpc(request)) exchange.messages.request = undefined
  exchange.sentAt = now
  upstream.sendRequest(exchange, request, bodyLength, peer)
  exchange.body?.send(bodyLength)
}

/** Nothing that a filter put together from what a client sent may end the request line, or be cut into something that does. */
function isSound<Ctx>(exchange: Exchange<Ctx>, { method, target }: RequestHead): boolean {
  if (method !== exchange.parsedMethod && !isToken(method)) return false
  return target === exchange.parsedTarget || VISIBLE.test(target)
}

const VISIBLE = /^[!-~]+$/

/**
 * Whatever filters did to the fields, what goes up is framed in one way only, and rightly: by the length when it is known and the field was
 * left, else by chunks (or, where the protocol has frames, by these). Returns the length that is sent.
 */
function settleFraming(request: RequestHead, length: number, chunks: boolean): number {
  const { headers } = request
  if (length === 0) {
    if (headers.has('transfer-encoding')) headers.delete('transfer-encoding')
    if (headers.has('content-length') && headers.get('content-length') !== '0') headers.set('Content-Length', '0')
    return 0
  }
  if (length > 0 && headers.has('content-length')) {
    if (headers.get('content-length') !== String(length)) headers.set('Content-Length', String(length))
    headers.delete('transfer-encoding')
    return length
  }
  headers.delete('content-length')
  if (!chunks) headers.delete('transfer-encoding')
  else if (headers.get('transfer-encoding')?.toLowerCase() !== 'chunked') headers.set('Transfer-Encoding', 'chunked')
  return CHUNKED
}
