import type {
  ClientExchange,
  Headers,
  ClientStream,
  ServerStream,
  Refusal,
  RequestHead,
  ResponseHead,
  ServerExchange,
  TlsInfo,
  TransportError,
} from '@sekisho/wire'
import type { Backend } from '../balancing/index.ts'
import type { CacheResult } from '../cache/http-cache.ts'
import type { Peer } from '../peers/peer.ts'
import { isGrpcCall } from '../grpc/content-type.ts'
import { grpcStatusOf } from '../grpc/status.ts'
import { ProxyError } from '../proxy-error.ts'
import type { ResponseBody, ResponseFields, ResponseSource, Session } from '../session.ts'
import type { CachedExchange } from './cached-exchange.ts'
import { fail, finish } from './finish.ts'
import type { ProxyRuntime } from './options.ts'
import { localResponse, type LocalResponse } from './reply.ts'
import { RequestBody } from './request-body.ts'
import { answerLocally, relayBody, relayEnd, relayHead, relayWhole } from './response-stage.ts'
import { Messages, type MessageLimits } from './message-limits.ts'
import { acceptedUpgrade, openLocalTunnel, type AcceptedUpgrade, type TunnelHandler } from './local-tunnel.ts'
import { onTunnelOpen } from './tunnel.ts'
import { TranslatedResponse, type ResponseTranslator } from './translated-response.ts'
import { DEFAULT_TUNNEL_LIMITS, type TunnelLimits } from './tunnel-limits.ts'
import type { WholeBody } from './whole-body.ts'
import { AttemptLimit } from './attempt-limit.ts'
import { Hedging } from './hedging.ts'
import { subrequest, type AnswerBudget, type Subrequest, type SubrequestAnswer } from './subrequest.ts'
import { TimeLimit } from './time-limit.ts'
import { connected, phaseFailed, upstreamFailed } from './upstream-stage.ts'

const NONE_TRIED: readonly Backend[] = []

/**
 * The machine of one request: it is the session that phases see, and the other end of both connections. What happens at each
 * stage stands in the files beside this one; here is the state, and who is told what.
 */
export class Exchange<Ctx> implements Session<Ctx>, ServerExchange, ClientExchange {
  readonly runtime: ProxyRuntime<Ctx>
  readonly downstream: ServerStream
  readonly request: RequestHead
  /** As the parser checked them: what a filter writes in their place is checked again. */
  readonly parsedMethod: string
  readonly parsedTarget: string
  readonly ctx: Ctx
  response: ResponseHead | undefined
  responseSource: ResponseSource | undefined
  peer: Peer | undefined
  attempts = 0
  tried: readonly Backend[] = NONE_TRIED
  readonly startedAt: number
  sentAt = 0
  answeredAt = 0
  finishedAt = 0

  /** The answer a phase gave in place of the upstream, until it is sent. */
  answer: LocalResponse | undefined
  answered = false
  /** Nothing may be sent or called any more. */
  over = false
  /** It failed once: its answer is an error, and must not fail again. */
  failed = false
  /** Counts changes of course (another attempt, a local answer): a promise that was waited for before one has nothing to say after it. */
  course = 0
  /** Why the last attempt failed. */
  lastError: ProxyError | undefined
  /** What `newContext` threw. */
  contextFailure: ProxyError | undefined
  upstream: ClientStream | undefined
  /** The connection came from the pool: it may have died there, which is no fault of the node. */
  reused = false
  /** A pooled connection was dead: the next attempt makes a new one. */
  needsFresh = false
  /** Only for requests that have one. */
  body: RequestBody | undefined
  filtersBody = false
  /** Bytes of the response body that may still leave by the length its head tells; -1 when it tells none, or nobody could change it. */
  bodyLeft = -1
  timeLimit: TimeLimit | undefined
  /** Only where attempts have a limit, until the response begins. */
  attemptLimit: AttemptLimit | undefined
  /** Only for requests that may be hedged, until the response begins. */
  hedging: Hedging | undefined
  /** Only where messages have limits. */
  messages: Messages | undefined
  /** Statuses of gRPC for which another node is asked. */
  retryStatuses: ReadonlySet<number> | undefined
  /** The last answer that was such a status. */
  refusedHead: ResponseHead | undefined
  /** Trailer fields behind the response, as the upstream (or we, for a failure) sent them. */
  trailerLines = ''
  tunnelLimits: TunnelLimits = DEFAULT_TUNNEL_LIMITS
  /** Bytes of a body whose head waits for its end, at most; 0 = the head does not wait. */
  holdLimit = 0
  /** Only for requests that use a cache. */
  cached: CachedExchange | undefined
  /** Made by the cache for itself: there is no client. */
  readonly background: boolean
  /** Made by `subrequest`. */
  inner = false
  /** Those that it made and waits for. */
  subrequests: Set<{ abandon(reason: string): void }> | undefined
  whole: WholeBody | undefined
  trailers: Headers | undefined
  /** A phase took the switch of protocols upon itself. */
  private accepted: AcceptedUpgrade | undefined
  /** What the upstream answers becomes another response first. */
  private translated: TranslatedResponse | undefined
  /** Calls of `pauseResponse` whose time is not over. */
  private pauses = 0
  /** What the upstream sends while an asynchronous response filter runs: one read at most. */
  held: { chunks: Uint8Array[]; trailers: string | undefined } | undefined

  constructor(runtime: ProxyRuntime<Ctx>, downstream: ServerStream, request: RequestHead, background = false) {
    this.runtime = runtime
    this.background = background
    this.downstream = downstream
    this.request = request
    this.parsedMethod = request.method
    this.parsedTarget = request.target
    this.startedAt = performance.now()
    this.body = request.bodyLength === 0 ? undefined : new RequestBody(this)
    let ctx: Ctx | undefined
    try {
      ctx = runtime.phases.newContext?.(this)
    } catch (cause) {
      this.contextFailure = ProxyError.fromPhase('newContext', cause)
    }
    this.ctx = ctx as Ctx
  }

  // ---- the session, as phases see it ----------------------------------------------------------

  get remoteAddress(): string {
    return this.downstream.client.remoteAddress
  }
  get remotePort(): number {
    return this.downstream.client.remotePort
  }
  get localAddress(): string {
    return this.downstream.client.localAddress
  }
  get localPort(): number {
    return this.downstream.client.localPort
  }
  get secure(): boolean {
    return this.downstream.client.secure
  }
  get tls(): TlsInfo | undefined {
    return this.downstream.client.tls
  }
  get protocol(): string {
    return this.downstream.httpMajor === 2 ? 'HTTP/2.0' : this.request.minorVersion === 1 ? 'HTTP/1.1' : 'HTTP/1.0'
  }
  get requestNumber(): number {
    return this.downstream.requestNumber
  }
  get bytesReceived(): number {
    return this.downstream.bytesReceived
  }
  get bytesSent(): number {
    return this.downstream.bytesSent
  }
  get responded(): boolean {
    return this.answered
  }
  get cacheResult(): CacheResult | undefined {
    return this.cached?.result
  }
  get headSent(): boolean {
    return this.downstream.headSent
  }

  respond(status: number, body?: ResponseBody, headers?: ResponseFields): void {
    if (this.answered || this.over) return
    this.answer = localResponse(status, body, headers)
    this.answered = true
  }

  acceptUpgrade(fields: ResponseFields, handler: TunnelHandler): void {
    if (this.answered || this.over) return
    if (!this.request.upgrade) throw new Error('acceptUpgrade needs a request that asks for an upgrade')
    this.accepted = acceptedUpgrade(fields, handler)
    this.answer = { head: this.accepted.head, body: '' }
    this.answered = true
  }

  withdrawResponse(): ResponseHead | undefined {
    const { answer } = this
    if (!this.answered || this.over) return undefined
    this.answer = undefined
    this.accepted = undefined
    this.answered = false
    return answer?.head
  }

  amendResponse(minStatus: number, body: ResponseBody): void {
    const { answer } = this
    if (answer === undefined || answer.head.status < minStatus) return
    const { head } = answer
    const names = [...head.headers].map(([name]) => name).filter((name) => !/^content-(type|length)$/i.test(name))
    const fields = Object.fromEntries(names.map((name) => [name, head.headers.getAll(name)]))
    this.answer = localResponse(head.status, body, fields)
  }

  readBody(limitBytes: number): Promise<Uint8Array> {
    return this.body === undefined ? Promise.resolve(new Uint8Array(0)) : this.body.collect(limitBytes)
  }

  subrequest(request: Subrequest, limitBytes: number, budget?: AnswerBudget): Promise<SubrequestAnswer> {
    return subrequest(this, request, limitBytes, budget)
  }

  replaceBody(body: Uint8Array): void {
    if (this.body === undefined) this.body = RequestBody.of(this, body)
    else this.body.replace(body)
  }

  pauseResponse(ms: number): void {
    const { upstream } = this
    if (upstream === undefined) return
    upstream.pauseBody()
    this.pauses++
    setTimeout(() => {
      this.pauses--
      this.resumeResponse()
    }, ms)
  }

  limitTime(ms: number): void {
    if (this.over) return
    if (this.timeLimit === undefined) this.timeLimit = new TimeLimit(this, ms)
    else this.timeLimit.limit(ms)
  }

  limitAttempt(ms: number): void {
    this.attemptLimit?.end()
    if (!this.over) this.attemptLimit = new AttemptLimit(this, ms)
  }

  hedge(afterMs: number, max = 1): void {
    const { method, upgrade } = this.request
    if (this.over || this.body !== undefined || upgrade || !isSafe(method)) return
    this.hedging?.end()
    this.hedging = new Hedging(this, afterMs, max)
  }

  get replayable(): boolean {
    return this.attempts <= this.runtime.maxRetries && (this.body?.replayable ?? true)
  }

  limitReplay(bytes: number): void {
    if (this.body !== undefined) this.body.replayLimit = bytes
  }

  limitMessages(limits: MessageLimits): void {
    this.messages = new Messages(limits)
  }

  retryOnStatus(statuses: ReadonlySet<number>): void {
    this.retryStatuses = statuses
  }

  get grpcStatus(): number | undefined {
    return grpcStatusOf(this.response, this.trailerLines)
  }

  limitTunnel(limits: Partial<TunnelLimits>): void {
    this.tunnelLimits = { ...this.tunnelLimits, ...limits }
  }

  holdResponse(limitBytes: number): void {
    this.holdLimit = limitBytes
  }

  translateResponse(translator: ResponseTranslator): void {
    this.translated = new TranslatedResponse(translator)
  }

  /** The upstream may send more, unless a pause is not over, or the client or a filter has to be waited for. */
  resumeResponse(): void {
    if (this.pauses > 0 || this.held !== undefined || this.downstream.needsDrain) return
    this.upstream?.resumeBody()
  }

  // ---- the client's connection tells ----------------------------------------------------------

  onRequestBody(chunk: Uint8Array): boolean {
    return this.body?.onChunk(chunk) ?? true
  }
  onRequestEnd(trailers: string): void {
    this.body?.onEnd(trailers)
  }
  onRequestRefused(reason: Refusal): void {
    const error = new ProxyError(
      'REQUEST_REFUSED',
      'downstream',
      reason.status,
      `the request was refused: ${reason.message}`,
    )
    this.body?.fail(error)
    fail(this, error)
  }
  get mayWaitForClient(): boolean {
    return this.body?.flows === true && isGrpcCall(this.request)
  }
  onDownstreamDrain(): void {
    this.upstream?.releaseBody()
    this.resumeResponse()
    this.cached?.onDrain?.()
  }
  onDownstreamLost(error: TransportError): void {
    const failure = ProxyError.fromDownstream(error)
    this.body?.fail(failure)
    finish(this, failure)
  }

  // ---- the upstream's connection tells --------------------------------------------------------

  onConnected(): void {
    connected(this)
  }
  get mayWaitForUpstream(): boolean {
    return this.peer?.quietTimeoutMs === 0 && isGrpcCall(this.request)
  }
  onInformational(head: ResponseHead): void {
    // 100 is between us and the upstream: the client got its own when its body was wanted.
    if (head.status !== 100) this.downstream.sendInformational(head)
  }
  onResponse(head: ResponseHead, body: string, trailers: string): void {
    if (this.attemptLimit !== undefined || this.hedging !== undefined) this.responseBegins()
    if (this.translated === undefined) relayWhole(this, head, body, trailers)
    else this.translated.whole(this, head, body)
  }
  onResponseHead(head: ResponseHead): void {
    if (this.attemptLimit !== undefined || this.hedging !== undefined) this.responseBegins()
    if (this.translated === undefined) relayHead(this, head)
    else this.translated.head(this, head)
  }
  onResponseBody(chunk: Uint8Array): boolean {
    return this.translated === undefined ? relayBody(this, chunk) : this.translated.body(this, chunk)
  }
  onResponseEnd(trailers: string): void {
    if (this.translated === undefined) relayEnd(this, trailers)
    else this.translated.end(this)
  }
  onUpstreamDrain(): void {
    this.body?.onDrain()
  }
  onUpstreamError(error: TransportError): void {
    upstreamFailed(this, error)
  }
  onUpgraded(head: ResponseHead): void {
    this.attemptLimit?.end()
    onTunnelOpen(this, head)
  }

  private responseBegins(): void {
    this.attemptLimit?.end()
    this.hedging?.end()
  }

  /** Runs `next` with what a phase promised, unless the exchange is over or took another course by then. */
  wait<T>(
    promise: Promise<T>,
    phase: string,
    next: (exchange: Exchange<Ctx>, value: T) => void,
    failed: (exchange: Exchange<Ctx>, phase: string, cause: unknown) => void = phaseFailed,
  ): void {
    const { course } = this
    this.guard(
      promise.then(
        (value) => {
          if (!this.over && this.course === course) next(this, value)
        },
        (cause: unknown) => {
          if (!this.over && this.course === course) failed(this, phase, cause)
        },
      ),
    )
  }

  /** What goes wrong behind a promise ends this exchange, and not the process. */
  guard(promise: Promise<unknown>): void {
    promise.catch((cause: unknown) => fail(this, ProxyError.fromPhase('the exchange', cause)))
  }

  /** Sends what a phase answered, if one did. */
  sendAnswer(): boolean {
    const { answer } = this
    if (answer === undefined) return false
    this.answer = undefined
    const { accepted } = this
    this.accepted = undefined
    if (accepted?.head === answer.head) openLocalTunnel(this, accepted)
    else answerLocally(this, answer)
    return true
  }
}

/** RFC 9110 section 9.2.1. */
const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD' || method === 'OPTIONS'

export const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof value === 'object' && value !== null && typeof (value as Promise<T>).then === 'function'
