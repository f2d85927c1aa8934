import { Headers, latin1TextOf, removeHopByHop, SENT, STALLED, type ResponseHead } from '@sekisho/wire'
import { ProxyError } from '../proxy-error.ts'
import type { ResponseSource } from '../session.ts'
import { isPromise, type Exchange } from './exchange.ts'
import { fail, finish, logError } from './finish.ts'
import { isGrpc, replyType } from '../grpc/content-type.ts'
import { grpcReply } from '../grpc/reply.ts'
import type { LocalResponse } from './reply.ts'
import { phaseFailed } from './upstream-stage.ts'
import { messageTooLong } from './message-limits.ts'
import { refusedByStatus } from './status-retry.ts'
import { WholeBody } from './whole-body.ts'

/** A whole response that came in one read leaves in one write. */
export function relayWhole<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead, body: string, trailers: string): void {
  giveBack(exchange)
  if (exchange.retryStatuses !== undefined && refusedByStatus(exchange, head, body)) return
  if (exchange.cached !== undefined && exchange.cached.takes(head)) return
  if (exchange.messages !== undefined && !checkWhole(exchange, head, body)) return
  exchange.trailerLines = trailers
  const waiting = filterHead(exchange, head, 'upstream')
  if (waiting === undefined) deliverWhole(exchange, head, body, trailers, undefined)
  else if (waiting !== STOPPED) {
    exchange.wait(waiting, 'a response filter', (self) => deliverWhole(self, head, body, trailers, undefined))
  }
}

/** Answers from here. `error` is why, when it is for an error. */
export function answerLocally<Ctx>(exchange: Exchange<Ctx>, local: LocalResponse, error?: ProxyError): void {
  if (exchange.upstream !== undefined) {
    exchange.upstream.discard()
    exchange.upstream = undefined
  }
  exchange.attemptLimit?.end()
  exchange.hedging?.end()
  exchange.answer = undefined
  exchange.answered = true
  exchange.held = undefined
  exchange.whole = undefined
  exchange.trailerLines = ''
  exchange.course++
  exchange.cached?.end('failed')
  const type = replyType(exchange.request)
  const { head, body } = type === undefined ? local : grpcReply(local, error, type)
  const waiting = filterHead(exchange, head, 'local')
  if (waiting === undefined) deliverWhole(exchange, head, body, '', error)
  else if (waiting !== STOPPED) {
    exchange.wait(waiting, 'responseFilter', (self) => deliverWhole(self, head, body, '', error))
  }
}

/** The head of a response whose body follows. */
export function relayHead<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead): void {
  if (exchange.cached !== undefined && exchange.cached.takes(head)) return
  if (exchange.messages !== undefined && !isGrpc(head)) exchange.messages.response = undefined
  const waiting = filterHead(exchange, head, 'upstream')
  if (waiting === undefined) startBody(exchange, head)
  else if (waiting !== STOPPED) {
    exchange.held = { chunks: [], trailers: undefined }
    exchange.upstream?.pauseBody()
    exchange.wait(waiting, 'a response filter', (self) => startBody(self, head))
  }
}

/** A stored response whose body is text. */
export function relayStored<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead, body: string): void {
  leaveUpstream(exchange)
  const waiting = filterHead(exchange, head, 'cache')
  if (waiting === undefined) deliverWhole(exchange, head, body, '', undefined)
  else if (waiting !== STOPPED) {
    exchange.wait(waiting, 'responseFilter', (self) => deliverWhole(self, head, body, '', undefined))
  }
}

/** The head of one whose body `next` brings in pieces. */
export function relayStoredHead<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead, next: () => void): void {
  leaveUpstream(exchange)
  const start = (self: Exchange<Ctx>): void => {
    startBody(self, head)
    if (!self.over) next()
  }
  const waiting = filterHead(exchange, head, 'cache')
  if (waiting === undefined) start(exchange)
  else if (waiting !== STOPPED) exchange.wait(waiting, 'responseFilter', start)
}

/** What an upstream sent, or will send, is not the answer. */
function leaveUpstream<Ctx>(exchange: Exchange<Ctx>): void {
  exchange.trailerLines = ''
  if (exchange.upstream === undefined) return
  exchange.upstream.discard()
  exchange.upstream = undefined
  exchange.course++
}

function checkWhole<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead, body: string): boolean {
  const meter = exchange.messages?.response
  if (meter === undefined || !isGrpc(head) || meter.follow(Buffer.from(body, 'latin1'))) return true
  fail(exchange, messageTooLong('response', meter))
  return false
}

function startBody<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead): void {
  if (exchange.sendAnswer() || !settleStatus(exchange, head)) return
  const filters = wantsBodyFilters(exchange)
  if (filters === STOPPED) return
  exchange.filtersBody = filters
  if (exchange.holdLimit > 0) exchange.whole = new WholeBody(head, exchange.holdLimit)
  else sendHead(exchange, head)
  const { held } = exchange
  if (held === undefined) return
  exchange.held = undefined
  for (const chunk of held.chunks) relayBody(exchange, chunk)
  if (held.trailers !== undefined) relayEnd(exchange, held.trailers)
  else exchange.resumeResponse()
}

function sendHead<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead): void {
  exchange.bodyLeft = exchange.filtersBody || head.headers.touched ? declaredLength(head) : -1
  exchange.downstream.sendHead(head)
}

/** What a filter wrote into the status line: a reason that could end it is left out, a status that is none is a failure. */
function settleStatus<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead): boolean {
  const { status, reason } = head
  // eslint-disable-next-line no-control-regex
  if (reason !== 'OK' && /[^\t -~\x80-\xff]/.test(reason)) head.reason = ''
  if (status >= 200 && status <= 999 && Number.isInteger(status)) return true
  fail(exchange, new ProxyError('PHASE_FAILED', 'internal', 500, `a filter made a status that is none: ${status}`))
  return false
}

/** What a filter wrote into Content-Length, or did not, is not what a client may count by. */
function settleLength(head: ResponseHead, length: number): void {
  const declared = head.headers.get('content-length')
  if (declared !== undefined && declared !== String(length)) head.headers.set('Content-Length', String(length))
}

function declaredLength(head: ResponseHead): number {
  const length = head.headers.get('content-length')
  return length === undefined || head.headers.has('transfer-encoding') ? -1 : Number(length)
}

/** @returns whether the memory of `chunk` is free again */
export function relayBody<Ctx>(exchange: Exchange<Ctx>, chunk: Uint8Array): boolean {
  const { downstream, upstream, held } = exchange
  if (exchange.over) return true
  if (held !== undefined) {
    held.chunks.push(Buffer.from(chunk))
    return true
  }
  if (exchange.messages?.response?.follow(chunk) === false) {
    fail(exchange, messageTooLong('response', exchange.messages.response))
    return true
  }
  if (!exchange.filtersBody && exchange.cached !== undefined && exchange.responseSource === 'upstream')
    exchange.cached.onBody(chunk)
  const bytes = exchange.filtersBody ? filterBody(exchange, chunk, false) : chunk
  // Nothing is not a chunk: in chunks it would be the last one.
  if (bytes === undefined || bytes.length === 0) return true
  if (exchange.whole !== undefined) return holdBody(exchange, exchange.whole, bytes)
  if (!withinLength(exchange, bytes.length)) return true
  if (downstream.backlog === 0) upstream?.releaseBody()
  const sent = downstream.sendBody(bytes)
  if (sent === STALLED) upstream?.pauseBody()
  return sent === SENT
}

export function relayEnd<Ctx>(exchange: Exchange<Ctx>, trailers: string): void {
  if (exchange.over) return
  if (exchange.held !== undefined) {
    exchange.held.trailers = trailers
    return
  }
  giveBack(exchange)
  exchange.trailerLines = trailers
  if (exchange.filtersBody) {
    exchange.trailers = new Headers(trailers)
    const last = filterBody(exchange, EMPTY, true)
    if (last === undefined) return
    if (exchange.whole === undefined) {
      if (!withinLength(exchange, last.length)) return
      if (last.length > 0) exchange.downstream.sendBody(last)
    } else if (!holdBody(exchange, exchange.whole, last)) return
  }
  if (exchange.cached !== undefined && exchange.responseSource === 'upstream') exchange.cached.onEnd()
  if (exchange.whole !== undefined) {
    sendHeld(exchange, exchange.whole, trailers)
    return
  }
  if (exchange.bodyLeft > 0) {
    fail(exchange, wrongLength('less'))
    return
  }
  exchange.downstream.endBody(filterTrailers(exchange, trailers))
  finish(exchange, undefined)
}

/**
 * Ends a response that cannot be completed, where a body filter puts the trailers into the body (gRPC-Web): its client learns more from them
 * than from a cut.
 *
 * @returns false when none of the filters does, and the response is to be cut
 */
export function endFiltered<Ctx>(exchange: Exchange<Ctx>, lines: string): boolean {
  if (!exchange.filtersBody) return false
  // A filter that fails now has the response cut.
  exchange.filtersBody = false
  const trailers = new Headers(lines)
  exchange.trailers = trailers
  const last = filterBody(exchange, EMPTY, true)
  if (last === undefined) return true
  if (trailers.block !== '') return false
  exchange.trailerLines = lines
  if (last.length > 0) exchange.downstream.sendBody(last)
  exchange.downstream.endBody('')
  return true
}

/** @returns true: the memory is free again; false only when there was too much and the exchange is over */
function holdBody<Ctx>(exchange: Exchange<Ctx>, whole: WholeBody, bytes: Uint8Array): boolean {
  if (whole.add(bytes)) return true
  const message = `the response is larger than the ${whole.limit} bytes that a filter holds back`
  fail(exchange, new ProxyError('BODY_TOO_LARGE', 'upstream', 502, message))
  return false
}

/** A body filter has seen all of the response, and settled its head: now it leaves. */
function sendHeld<Ctx>(exchange: Exchange<Ctx>, { head, text }: WholeBody, trailers: string): void {
  exchange.whole = undefined
  if (exchange.sendAnswer() || !settleStatus(exchange, head)) return
  settleLength(head, text.length)
  exchange.downstream.sendResponse(head, text, filterTrailers(exchange, trailers))
  finish(exchange, undefined)
}

/** Whether so many bytes more are still within the length that the head tells: others would be taken for the next response. */
function withinLength<Ctx>(exchange: Exchange<Ctx>, bytes: number): boolean {
  if (exchange.bodyLeft < 0) return true
  exchange.bodyLeft -= bytes
  if (exchange.bodyLeft >= 0) return true
  fail(exchange, wrongLength('more'))
  return false
}

const wrongLength = (how: 'more' | 'less'): ProxyError =>
  new ProxyError(
    'PHASE_FAILED',
    'internal',
    500,
    `the body is ${how} than Content-Length says: a filter that changes it deletes that field in responseFilter`,
  )

/** The upstream has done its part: its connection may serve the next request. */
function giveBack<Ctx>(exchange: Exchange<Ctx>): void {
  const { upstream, peer } = exchange
  if (upstream === undefined || peer === undefined) return
  exchange.upstream = undefined
  upstream.giveBack(peer.keepAlive)
}

/** A phase failed, and that has been dealt with. */
const STOPPED = Symbol('stopped')

/** Runs the phases that see a response head. A promise when one of them is asynchronous. */
function filterHead<Ctx>(
  exchange: Exchange<Ctx>,
  head: ResponseHead,
  source: ResponseSource,
): Promise<void> | undefined | typeof STOPPED {
  const { phases } = exchange.runtime
  exchange.response = head
  exchange.responseSource = source
  if (head.hopByHop) removeHopByHop(head.headers)
  try {
    if (source === 'upstream') {
      exchange.answeredAt = performance.now()
      const waiting = phases.upstreamResponseFilter?.(exchange, head)
      if (isPromise(waiting)) return filterLeavingLater(exchange, head, waiting)
      // Another answer takes its place: this head does not leave.
      if (exchange.answer !== undefined) return undefined
      exchange.cached?.onHead(head)
    }
    if (exchange.background) return undefined
    const waiting = phases.responseFilter?.(exchange, head)
    return isPromise(waiting) ? waiting : undefined
  } catch (cause) {
    phaseFailed(exchange, 'a response filter', cause)
    return STOPPED
  }
}

async function filterLeavingLater<Ctx>(
  exchange: Exchange<Ctx>,
  head: ResponseHead,
  waiting: Promise<void>,
): Promise<void> {
  const { course } = exchange
  await waiting
  if (exchange.over || exchange.course !== course || exchange.answer !== undefined) return
  exchange.cached?.onHead(head)
  if (exchange.background) return
  await exchange.runtime.phases.responseFilter?.(exchange, head)
}

function deliverWhole<Ctx>(
  exchange: Exchange<Ctx>,
  head: ResponseHead,
  body: string,
  trailers: string,
  error: ProxyError | undefined,
): void {
  if (exchange.sendAnswer() || !settleStatus(exchange, head)) return
  let text = body
  const { headers } = head
  const filters = wantsBodyFilters(exchange)
  if (filters === STOPPED) return
  const bodyless = exchange.request.method === 'HEAD' || head.status === 204 || head.status === 304
  const toStore = exchange.cached !== undefined && exchange.responseSource === 'upstream' && error === undefined
  if (toStore && !filters && !bodyless) exchange.cached?.onText(body)
  if (filters && !bodyless) {
    exchange.filtersBody = true
    exchange.trailers = new Headers(trailers)
    const filtered = filterBody(exchange, Buffer.from(body, 'latin1'), true)
    if (filtered === undefined) return
    text = latin1TextOf(filtered)
  }
  if (toStore) exchange.cached?.onEnd()
  if ((filters || headers.touched) && !bodyless) settleLength(head, text.length)
  // A body filter may have changed the status.
  if (filters && !settleStatus(exchange, head)) return
  exchange.downstream.sendResponse(head, text, filterTrailers(exchange, trailers))
  finish(exchange, error)
}

function wantsBodyFilters<Ctx>(exchange: Exchange<Ctx>): boolean | typeof STOPPED {
  const { phases } = exchange.runtime
  if (phases.responseBodyFilter === undefined && phases.upstreamResponseBodyFilter === undefined) return false
  try {
    return phases.filtersResponseBody?.(exchange) ?? true
  } catch (cause) {
    fail(exchange, ProxyError.fromPhase('filtersResponseBody', cause))
    return STOPPED
  }
}

/** The bytes to send on; undefined when a filter failed and the exchange is over. */
function filterBody<Ctx>(exchange: Exchange<Ctx>, chunk: Uint8Array, end: boolean): Uint8Array | undefined {
  const { phases } = exchange.runtime
  try {
    let bytes = chunk
    if (exchange.responseSource === 'upstream')
      bytes = phases.upstreamResponseBodyFilter?.(exchange, bytes, end) ?? bytes
    if (exchange.cached !== undefined && exchange.responseSource === 'upstream') exchange.cached.onBody(bytes)
    if (exchange.background) return bytes
    return phases.responseBodyFilter?.(exchange, bytes, end) ?? bytes
  } catch (cause) {
    fail(exchange, ProxyError.fromPhase('a response body filter', cause))
    return undefined
  }
}

function filterTrailers<Ctx>(exchange: Exchange<Ctx>, block: string): string {
  const { phases } = exchange.runtime
  const left = exchange.trailers
  if (left !== undefined) return left.block === '' ? '' : runTrailerFilters(exchange, left)
  if (
    block === '' ||
    (phases.upstreamResponseTrailerFilter === undefined && phases.responseTrailerFilter === undefined)
  )
    return block
  return runTrailerFilters(exchange, new Headers(block))
}

function runTrailerFilters<Ctx>(exchange: Exchange<Ctx>, trailers: Headers): string {
  const { phases } = exchange.runtime
  try {
    if (exchange.responseSource === 'upstream') phases.upstreamResponseTrailerFilter?.(exchange, trailers)
    phases.responseTrailerFilter?.(exchange, trailers)
    return trailers.block
  } catch (cause) {
    logError(exchange, ProxyError.fromPhase('a response trailer filter', cause))
    return ''
  }
}

const EMPTY = new Uint8Array(0)
