import { CHUNKED, SENT, STALLED, type H1ClientConnection } from '@sekisho/wire'
import { ProxyError } from '../proxy-error.ts'
import { isPromise, type Exchange } from './exchange.ts'
import { fail } from './finish.ts'

/** Up to here a body is remembered, so that a second attempt can send it again (Pingora's BODY_BUF_LIMIT). */
const REPLAY_BYTES = 65_536

/**
 * The request body on its way up. It is not read before a connection is there to take it, unless a phase asks for all of it.
 * What was sent is remembered while it is small, for another attempt.
 */
export class RequestBody {
  private readonly exchange: Exchange<unknown>
  /** What was sent on so far; undefined once it is too much to remember. */
  private sent: Uint8Array[] | undefined = []
  private sentBytes = 0
  private complete = false
  private trailers = ''
  /** All of it, read by `collect`. */
  private whole: Uint8Array | undefined
  private collector: { chunks: Uint8Array[]; size: number; limit: number; resolve: (body: Uint8Array) => void; reject: (error: Error) => void } | undefined
  private collected: Promise<Uint8Array> | undefined
  /** A body filter's promise is out: nothing may overtake it. */
  private filtering = false
  private endWaits = false

  constructor(exchange: Exchange<never> | Exchange<unknown>) {
    this.exchange = exchange as Exchange<unknown>
  }

  /** Another attempt could send it from the start. */
  get replayable(): boolean {
    return this.whole !== undefined || this.sent !== undefined
  }

  /** Bytes, where it was read whole; undefined: what the client's head says. */
  get knownLength(): number | undefined {
    return this.whole?.length
  }

  /** The request's head went up: what there is of the body follows. */
  send(): void {
    const upstream = this.exchange.upstream as H1ClientConnection
    if (this.whole !== undefined) {
      if (this.whole.length > 0) upstream.sendBody(this.whole)
      upstream.endBody(this.trailers)
      return
    }
    for (const chunk of this.sent ?? []) upstream.sendBody(chunk)
    if (this.complete) upstream.endBody(this.trailers)
    else this.exchange.connection.readRequestBody()
  }

  onChunk(chunk: Uint8Array): boolean {
    if (this.collector !== undefined) return this.gather(chunk)
    const filtered = this.exchange.runtime.phases.requestBodyFilter !== undefined
    return filtered ? this.filter(chunk, false) : this.pass(chunk)
  }

  onEnd(trailers: string): void {
    this.complete = true
    this.trailers = trailers
    if (this.collector !== undefined) {
      const { chunks, resolve } = this.collector
      this.collector = undefined
      this.whole = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
      resolve(this.whole)
    } else if (this.filtering) this.endWaits = true
    else this.end()
  }

  /** Reads all of it. */
  collect(limitBytes: number): Promise<Uint8Array> {
    if (this.collected !== undefined) return this.collected
    const { bodyLength } = this.exchange.request
    if (bodyLength !== CHUNKED && bodyLength > limitBytes) return Promise.reject(tooLarge(limitBytes))
    this.collected = new Promise((resolve, reject) => {
      this.collector = { chunks: [], size: 0, limit: limitBytes, resolve, reject }
    })
    this.exchange.connection.readRequestBody()
    return this.collected
  }

  replace(body: Uint8Array): void {
    if (this.whole === undefined) throw new Error('replaceBody needs the body to have been read with readBody')
    this.whole = body
    this.trailers = ''
  }

  /** The rest will not come. */
  fail(error: ProxyError): void {
    this.collector?.reject(error)
    this.collector = undefined
  }

  private gather(chunk: Uint8Array): boolean {
    const { collector } = this
    if (collector === undefined) return true
    collector.size += chunk.length
    if (collector.size > collector.limit) this.fail(tooLarge(collector.limit))
    else collector.chunks.push(Buffer.from(chunk))
    return true
  }

  /** @returns whether the memory of `chunk` is free again */
  private pass(chunk: Uint8Array): boolean {
    const { upstream, connection } = this.exchange
    if (upstream === undefined || chunk.length === 0) return true
    this.remember(chunk)
    if (upstream.backlog === 0) connection.releaseRequestBody()
    const sent = upstream.sendBody(chunk)
    if (sent === STALLED) connection.pauseRequestBody()
    return sent === SENT
  }

  private remember(chunk: Uint8Array): void {
    if (this.sent === undefined) return
    this.sentBytes += chunk.length
    if (this.sentBytes > REPLAY_BYTES) this.sent = undefined
    else this.sent.push(Buffer.from(chunk))
  }

  private filter(chunk: Uint8Array, end: boolean): boolean {
    const { phases } = this.exchange.runtime
    try {
      const result = phases.requestBodyFilter?.(this.exchange, chunk, end)
      if (!isPromise(result)) return this.filtered(result ?? chunk, end)
      this.filtering = true
      this.exchange.connection.pauseRequestBody()
      const kept = Buffer.from(chunk)
      this.exchange.wait(result, 'requestBodyFilter', (_, value) => {
        this.filtering = false
        this.filtered(value ?? kept, end)
        if (this.endWaits) {
          this.endWaits = false
          this.end()
        } else this.exchange.connection.resumeRequestBody()
      })
    } catch (cause) {
      fail(this.exchange, ProxyError.fromPhase('requestBodyFilter', cause))
    }
    return true
  }

  private filtered(chunk: Uint8Array, end: boolean): boolean {
    if (this.exchange.answer !== undefined) {
      this.exchange.upstream?.discard()
      this.exchange.upstream = undefined
      return this.exchange.sendAnswer()
    }
    const free = this.pass(chunk)
    if (end) this.exchange.upstream?.endBody(this.trailers)
    return free
  }

  private end(): void {
    if (this.exchange.runtime.phases.requestBodyFilter === undefined) this.exchange.upstream?.endBody(this.trailers)
    else this.filter(EMPTY, true)
  }
}

const EMPTY = new Uint8Array(0)

const tooLarge = (limit: number): ProxyError =>
  new ProxyError('BODY_TOO_LARGE', 'downstream', 413, `the request body is larger than ${limit} bytes`)
