import { CHUNKED, SENT, STALLED, type ClientStream } from '@sekisho/wire'
import { ProxyError } from '../proxy-error.ts'
import { isPromise, type Exchange } from './exchange.ts'
import { fail } from './finish.ts'
import { messageTooLong } from './message-limits.ts'
import { requestTrailers } from './request-trailers.ts'

/** Up to here a body is remembered, unless it is said otherwise (Pingora's BODY_BUF_LIMIT). */
const REPLAY_BYTES = 65_536

interface Collector {
  readonly chunks: Uint8Array[]
  size: number
  readonly limit: number
  readonly resolve: (body: Uint8Array) => void
  readonly reject: (error: Error) => void
}

/**
 * The request body on its way up. It is not read before a connection is there to take it, unless a phase asks for all of it.
 * What was sent is remembered while it is small, for another attempt.
 *
 *     client -> unfiltered (while a filter's promise is out) -> filter -> waiting (while no connection is there) -> upstream
 *
 * The client is paused as soon as something waits, so what waits is one read at most.
 */
export class RequestBody {
  /** Why the body cannot be sent on: a part of it was read and dropped. */
  failure: ProxyError | undefined
  /** Up to so many bytes it is remembered, so that another attempt can send it again. */
  replayLimit = REPLAY_BYTES
  private readonly exchange: Exchange<unknown>
  /** What was sent on so far; undefined once it is too much to remember. */
  private sent: Uint8Array[] | undefined = []
  private sentBytes = 0
  private waiting: Uint8Array[] = []
  private unfiltered: Uint8Array[] = []
  private trailers = ''
  /** All of it, read by `collect`. */
  private whole: Uint8Array | undefined
  private collector: Collector | undefined
  private collected: Promise<Uint8Array> | undefined
  /** This attempt's head went up: what comes can follow. */
  private flowing = false
  /** Some attempt's did. */
  private begun = false
  /** The upstream's queue is full. */
  private stalled = false
  /** Bytes that may still go up by the length this attempt's head tells; CHUNKED when it tells none. */
  private left = CHUNKED
  private checked = false
  private filterWanted: boolean | undefined
  /** A body filter's promise is out: nothing may overtake it. */
  private filtering = false
  /** The client's (or the collected) body came to its end; and that end has passed the filter. */
  private sourceEnded = false
  private ended = false

  constructor(exchange: Exchange<never> | Exchange<unknown>) {
    this.exchange = exchange
  }

  /** The body of a request that came without one. */
  static of(exchange: Exchange<never> | Exchange<unknown>, body: Uint8Array): RequestBody {
    const own = new RequestBody(exchange)
    own.whole = body
    own.collected = Promise.resolve(body)
    return own
  }

  /** An upstream takes it as it comes. */
  get flows(): boolean {
    return this.flowing
  }

  /** Another attempt could send it from the start. */
  get replayable(): boolean {
    return this.sent !== undefined || (this.whole !== undefined && !this.hasFilter)
  }

  /** Bytes, where it was read whole; undefined: what the client's head says. */
  get knownLength(): number | undefined {
    return this.whole?.length
  }

  /** The request's head went up, telling `length`: what there is of the body follows. */
  send(length: number): void {
    const upstream = this.exchange.upstream as ClientStream
    this.flowing = true
    this.begun = true
    this.left = length
    if (this.whole !== undefined && !this.hasFilter) {
      // Once: another attempt sends the same.
      if (!this.checked && !this.withinLimit(this.whole)) return
      this.checked = true
      if (this.whole.length > 0) upstream.sendBody(this.whole)
      upstream.endBody(this.trailers)
      return
    }
    for (const chunk of this.sent ?? []) this.write(upstream, chunk)
    for (const chunk of this.waiting.splice(0)) this.pass(chunk)
    if (this.ended) this.endUpstream()
    else if (this.whole !== undefined && !this.sourceEnded) {
      if (this.whole.length > 0) this.accept(this.whole)
      this.endSource()
    } else if (this.whole === undefined) {
      this.exchange.downstream.readRequestBody()
      this.flow()
    }
  }

  /** The attempt failed: what comes from here on waits for the next one. */
  hold(): void {
    this.flowing = false
    this.stalled = false
    if (this.begun) this.exchange.downstream.pauseRequestBody()
  }

  onChunk(chunk: Uint8Array): boolean {
    if (this.collector !== undefined) return this.gather(chunk)
    return this.failure !== undefined || this.accept(chunk)
  }

  onEnd(trailers: string): void {
    this.trailers = requestTrailers(trailers)
    if (this.collector === undefined) {
      this.endSource()
      return
    }
    const { chunks, resolve } = this.collector
    this.collector = undefined
    this.whole = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
    resolve(this.whole)
  }

  /** The upstream has room again. */
  onDrain(): void {
    this.exchange.downstream.releaseRequestBody()
    this.stalled = false
    this.flow()
  }

  /** Reads all of it. */
  collect(limitBytes: number): Promise<Uint8Array> {
    if (this.collected !== undefined) return this.collected
    const { bodyLength } = this.exchange.request
    if (bodyLength !== CHUNKED && bodyLength > limitBytes) return handled(Promise.reject(tooLarge(limitBytes)))
    if (this.begun) {
      return handled(Promise.reject(new Error('readBody: the body is on its way to the upstream already')))
    }
    this.collected = handled(
      new Promise((resolve, reject) => {
        this.collector = { chunks: [], size: 0, limit: limitBytes, resolve, reject }
      }),
    )
    this.exchange.downstream.readRequestBody()
    return this.collected
  }

  replace(body: Uint8Array): void {
    if (this.whole === undefined) throw new Error('replaceBody needs the body to have been read with readBody')
    this.whole = body
    this.trailers = ''
    this.sent = []
    this.sentBytes = 0
    this.sourceEnded = false
    this.ended = false
  }

  /** The rest will not come. */
  fail(error: ProxyError): void {
    if (this.collector === undefined) return
    this.failure = error
    this.collector.reject(error)
    this.collector = undefined
  }

  private get hasFilter(): boolean {
    return (this.filterWanted ??= this.wantsFilter())
  }

  private wantsFilter(): boolean {
    const { phases } = this.exchange.runtime
    if (phases.requestBodyFilter === undefined) return false
    try {
      return phases.filtersRequestBody?.(this.exchange) ?? true
    } catch (cause) {
      fail(this.exchange, ProxyError.fromPhase('filtersRequestBody', cause))
      return false
    }
  }

  private gather(chunk: Uint8Array): boolean {
    const collector = this.collector as Collector
    collector.size += chunk.length
    if (collector.size > collector.limit) this.fail(tooLarge(collector.limit))
    else collector.chunks.push(Buffer.from(chunk))
    return true
  }

  /** @returns whether the memory of `chunk` is free again, as all that follow */
  private accept(chunk: Uint8Array): boolean {
    if (!this.hasFilter) return this.pass(chunk)
    if (!this.filtering) return this.filter(chunk, false)
    this.unfiltered.push(Buffer.from(chunk))
    this.exchange.downstream.pauseRequestBody()
    return true
  }

  private endSource(): void {
    this.sourceEnded = true
    if (this.filtering) return
    if (this.hasFilter) this.filter(EMPTY, true)
    else this.end()
  }

  private filter(chunk: Uint8Array, end: boolean): boolean {
    const { exchange } = this
    try {
      const result = exchange.runtime.phases.requestBodyFilter?.(exchange, chunk, end)
      if (!isPromise(result)) return this.filtered(result ?? chunk, end)
      const kept = Buffer.from(chunk)
      this.filtering = true
      exchange.downstream.pauseRequestBody()
      exchange.guard(
        result.then(
          (value) => {
            this.filtering = false
            this.filtered(value ?? kept, end)
            if (!end) this.filterNext()
          },
          (cause: unknown) => fail(exchange, ProxyError.fromPhase('requestBodyFilter', cause)),
        ),
      )
    } catch (cause) {
      fail(exchange, ProxyError.fromPhase('requestBodyFilter', cause))
    }
    return true
  }

  private filterNext(): void {
    while (!this.filtering && !this.exchange.over) {
      const next = this.unfiltered.shift()
      if (next === undefined) {
        if (this.sourceEnded) this.endSource()
        else this.flow()
        return
      }
      this.filter(next, false)
    }
  }

  private filtered(chunk: Uint8Array, end: boolean): boolean {
    const { exchange } = this
    if (exchange.over) return true
    if (exchange.answer !== undefined) return exchange.sendAnswer()
    const free = this.pass(chunk)
    if (end) this.end()
    return free
  }

  private pass(chunk: Uint8Array): boolean {
    if (chunk.length === 0) return true
    const { upstream, downstream } = this.exchange
    if (!this.flowing) {
      this.waiting.push(Buffer.from(chunk))
      downstream.pauseRequestBody()
      return true
    }
    if (!this.withinLimit(chunk)) return true
    this.remember(chunk)
    return upstream === undefined || this.write(upstream, chunk)
  }

  private withinLimit(chunk: Uint8Array): boolean {
    const meter = this.exchange.messages?.request
    if (meter === undefined || meter.follow(chunk)) return true
    if (!this.exchange.over) fail(this.exchange, messageTooLong('request', meter))
    return false
  }

  private write(upstream: ClientStream, chunk: Uint8Array): boolean {
    const { exchange } = this
    if (this.left !== CHUNKED) {
      this.left -= chunk.length
      // More would be taken for the next request on that connection.
      if (this.left < 0) return this.wrongLength('more')
    }
    if (upstream.backlog === 0) exchange.downstream.releaseRequestBody()
    const sent = upstream.sendBody(chunk)
    if (sent === STALLED) {
      this.stalled = true
      exchange.downstream.pauseRequestBody()
    }
    return sent === SENT
  }

  private remember(chunk: Uint8Array): void {
    this.sentBytes += chunk.length
    if (this.sent === undefined) return
    if (this.sentBytes > this.replayLimit) this.sent = undefined
    else this.sent.push(Buffer.from(chunk))
  }

  private end(): void {
    this.ended = true
    // There is no more of it to hold back, and a connection that is not read cannot tell that its client has gone.
    this.exchange.downstream.resumeRequestBody()
    if (this.flowing) this.endUpstream()
  }

  private endUpstream(): void {
    // What is missing would be taken from the next request on that connection.
    if (this.left > 0) this.wrongLength('less')
    else this.exchange.upstream?.endBody(this.trailers)
  }

  private wrongLength(how: 'more' | 'less'): true {
    const message = `requestBodyFilter made ${how} than Content-Length says: delete that field in upstreamRequestFilter`
    if (!this.exchange.over && this.exchange.upstream !== undefined) {
      fail(this.exchange, new ProxyError('PHASE_FAILED', 'internal', 500, message))
    }
    return true
  }

  /** The client may send more unless something waits. */
  private flow(): void {
    if (this.flowing && !this.stalled && !this.filtering) this.exchange.downstream.resumeRequestBody()
  }
}

const EMPTY = new Uint8Array(0)

const tooLarge = (limit: number): ProxyError =>
  new ProxyError('BODY_TOO_LARGE', 'downstream', 413, `the request body is larger than ${limit} bytes`)

/** A rejection nobody waits for must not end the process. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
