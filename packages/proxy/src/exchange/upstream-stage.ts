import { TransportError } from '@sekisho/wire'
import type { Peer } from '../peers/peer.ts'
import { ProxyError } from '../proxy-error.ts'
import { isPromise, type Exchange } from './exchange.ts'
import { fail, logError } from './finish.ts'
import { relayWhole } from './response-stage.ts'
import { sendUpstream } from './upstream-request.ts'

/** Chooses a peer and gets a connection to it. Each call is one attempt. */
export function attempt<Ctx>(exchange: Exchange<Ctx>): void {
  exchange.attempts++
  exchange.course++
  if (exchange.hedging !== undefined) exchange.hedging.end()
  if (exchange.body?.failure !== undefined) {
    fail(exchange, exchange.body.failure)
    return
  }
  let chosen: Peer | Promise<Peer>
  try {
    chosen = exchange.runtime.phases.upstreamPeer(exchange)
  } catch (cause) {
    noPeer(exchange, 'upstreamPeer', cause)
    return
  }
  if (isPromise(chosen)) exchange.wait(chosen, 'upstreamPeer', reach, noPeer)
  else reach(exchange, chosen)
}

/** When the last node failed and no other is left, the client is told how it failed, and not that there is none. */
function noPeer<Ctx>(exchange: Exchange<Ctx>, phase: string, cause: unknown): void {
  const { lastError } = exchange
  const error = ProxyError.fromPhase(phase, cause)
  if (error.code !== 'NO_UPSTREAM' || lastError === undefined) fail(exchange, error)
  else if (lastError.code === 'GRPC_STATUS') giveUp(exchange, lastError)
  else {
    const message = `${lastError.message}, and no other node is left`
    fail(exchange, new ProxyError(lastError.code, lastError.source, lastError.status, message, { cause: lastError }))
  }
}

function reach<Ctx>(exchange: Exchange<Ctx>, peer: Peer): void {
  if (exchange.answer !== undefined) {
    exchange.sendAnswer()
    return
  }
  exchange.peer = peer
  const { resolved } = peer
  if (resolved !== undefined) {
    takeConnection(exchange, peer, resolved)
    return
  }
  const address = exchange.runtime.resolver.resolve(peer.host)
  if (typeof address === 'string') takeConnection(exchange, peer, peer.resolveTo(address))
  else exchange.wait(address, 'the resolver', (self, ip) => takeConnection(self, peer, peer.resolveTo(ip)), notResolved)
}

function notResolved<Ctx>(exchange: Exchange<Ctx>, _: string, cause: unknown): void {
  upstreamFailed(exchange, new TransportError('NAME_NOT_RESOLVED', `cannot resolve ${exchange.peer?.host}`, { cause }))
}

function takeConnection<Ctx>(exchange: Exchange<Ctx>, peer: Peer, resolved: NonNullable<Peer['resolved']>): void {
  const { pools } = exchange.runtime
  const { key, address } = resolved
  const stream = pools.take(key, address.protocol, exchange.needsFresh)
  exchange.reused = stream !== undefined && stream.ready
  if (stream !== undefined) {
    exchange.upstream = stream
    if (stream.ready) connected(exchange)
    else stream.connectFor(exchange, peer.connectTimeoutMs)
    return
  }
  try {
    exchange.upstream = pools.open(key, address)
  } catch (cause) {
    // What Node refuses at once: a certificate that is none, a local address that is none.
    const message = `cannot connect to ${peer.name}: ${cause instanceof Error ? cause.message : String(cause)}`
    upstreamFailed(exchange, new TransportError('CONNECT_FAILED', message, { cause }))
    return
  }
  exchange.upstream.connectFor(exchange, peer.connectTimeoutMs)
}

/** A connection is there. */
export function connected<Ctx>(exchange: Exchange<Ctx>): void {
  const { phases } = exchange.runtime
  if (phases.connectedToUpstream !== undefined) {
    try {
      phases.connectedToUpstream(exchange, exchange.peer as Peer, exchange.reused)
    } catch (cause) {
      fail(exchange, ProxyError.fromPhase('connectedToUpstream', cause))
      return
    }
  }
  sendUpstream(exchange)
}

/** Connecting, sending or receiving failed: tries another node where that is safe, else gives up. */
export function upstreamFailed<Ctx>(exchange: Exchange<Ctx>, cause: TransportError): void {
  if (exchange.over) return
  exchange.upstream = undefined
  if (exchange.attemptLimit !== undefined) exchange.attemptLimit.end()
  const error = ProxyError.fromUpstream(cause)
  if (exchange.downstream.headSent) {
    fail(exchange, error)
    return
  }
  error.stale = exchange.reused && !exchange.needsFresh && !cause.beforeConnect && !cause.timeout
  if (exchange.hedging !== undefined && hedgeGoesOn(exchange, error, cause.beforeConnect)) return
  error.retry =
    cause.beforeConnect || cause.unprocessed || (RETRYABLE.has(cause.code) && isIdempotent(exchange.request.method))
  tryAgain(exchange, error, cause.beforeConnect)
}

/** A callback failed. It may ask for another attempt by throwing a ProxyError whose `retry` is set. */
export function phaseFailed<Ctx>(exchange: Exchange<Ctx>, phase: string, cause: unknown): void {
  const error = ProxyError.fromPhase(phase, cause)
  if (!error.retry || exchange.downstream.headSent || exchange.peer === undefined || exchange.answered) {
    fail(exchange, error)
    return
  }
  exchange.upstream?.discard()
  exchange.upstream = undefined
  exchange.held = undefined
  exchange.reused = false
  tryAgain(exchange, error, false)
}

/** Another attempt if `error.retry` asks for one and nothing stands against it. */
export function tryAgain<Ctx>(exchange: Exchange<Ctx>, error: ProxyError, beforeConnect: boolean): void {
  const { phases, maxRetries } = exchange.runtime
  const peer = exchange.peer as Peer
  try {
    if (beforeConnect) phases.failToConnect?.(exchange, peer, error)
    else phases.errorWhileProxy?.(exchange, peer, error)
  } catch (cause) {
    fail(exchange, ProxyError.fromPhase(beforeConnect ? 'failToConnect' : 'errorWhileProxy', cause))
    return
  }
  if (exchange.answer !== undefined) {
    logError(exchange, error)
    exchange.sendAnswer()
    return
  }
  // A pooled connection that died says nothing about its node: that one stays eligible, with a connection of its own.
  if (error.stale) {
    exchange.needsFresh = true
    exchange.attempts--
  } else if (peer.backend !== undefined) exchange.tried = [...exchange.tried, peer.backend]
  if (!error.retry || exchange.attempts > maxRetries || !(exchange.body?.replayable ?? true)) {
    giveUp(exchange, error)
    return
  }
  logError(exchange, error)
  exchange.lastError = error
  exchange.body?.hold()
  if (error.retryAfterMs > 0) attemptLater(exchange, error.retryAfterMs)
  else attempt(exchange)
}

/** A back-off. The exchange is over, or took another course, when its client left or its time was up meanwhile. */
function attemptLater<Ctx>(exchange: Exchange<Ctx>, ms: number): void {
  const { course } = exchange
  setTimeout(() => {
    if (!exchange.over && exchange.course === course) attempt(exchange)
  }, ms)
}

/** The attempt failed, and a hedge of it is on its way: that one is waited for. */
function hedgeGoesOn<Ctx>(exchange: Exchange<Ctx>, error: ProxyError, beforeConnect: boolean): boolean {
  const { phases } = exchange.runtime
  const { hedging, peer } = exchange
  if (hedging === undefined || !hedging.busy) return false
  error.replaced = true
  try {
    if (beforeConnect) phases.failToConnect?.(exchange, peer as Peer, error)
    else phases.errorWhileProxy?.(exchange, peer as Peer, error)
  } catch (cause) {
    fail(exchange, ProxyError.fromPhase('errorWhileProxy', cause))
    return true
  }
  if (exchange.answer !== undefined) return false
  hedging.takeOver(error)
  return true
}

/** No attempt is left. What an upstream answered is better than an error of ours. */
function giveUp<Ctx>(exchange: Exchange<Ctx>, error: ProxyError): void {
  const { refusedHead } = exchange
  if (error.code !== 'GRPC_STATUS' || refusedHead === undefined) {
    fail(exchange, error)
    return
  }
  exchange.retryStatuses = undefined
  relayWhole(exchange, refusedHead, '', '')
}

/** Failures after which the request may have been carried out or not: only what may be done twice is done again. */
const RETRYABLE: ReadonlySet<string> = new Set(['RESET', 'CLOSED_BEFORE_RESPONSE', 'READ_TIMEOUT', 'WRITE_TIMEOUT'])

/** RFC 9110 section 9.2.2. */
const isIdempotent = (method: string): boolean => IDEMPOTENT.has(method)
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])
