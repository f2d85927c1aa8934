import type { TransportError } from '../errors.ts'
import { H1ClientConnection, type ClientConnectionOptions } from '../h1/client-connection.ts'
import type { ClientExchange } from '../streams/client-exchange.ts'
import type { ResponseHead } from '../h1/response-head.ts'
import { DEFAULT_H1_LIMITS, type H1Limits } from '../limits.ts'
import { FakeClock } from './fake-clock.ts'
import { MemorySocket } from './memory-socket.ts'
import { requestOf } from './request-of.ts'

/** One response as an exchange met it. */
export class RecordedResponse implements ClientExchange {
  connects = 0
  readonly informational: number[] = []
  head: ResponseHead | undefined
  /** It came by `onResponse`. */
  whole = false
  readonly chunks: string[] = []
  readonly memory: Uint8Array[] = []
  trailers: string | undefined
  upgraded: ResponseHead | undefined
  drains = 0
  error: TransportError | undefined
  /** How often the end was told, in whatever way: once is right. */
  ends = 0
  /** What `onResponseBody` answers: false keeps the memory until the body is released. */
  bodyGone = true
  onEach: (() => void) | undefined
  onEnd: (() => void) | undefined

  get body(): string {
    return this.chunks.join('')
  }
  get complete(): boolean {
    return this.trailers !== undefined
  }

  onConnected(): void {
    this.connects++
  }
  onInformational(head: ResponseHead): void {
    this.informational.push(head.status)
  }
  onResponse(head: ResponseHead, body: string, trailers: string): void {
    this.head = head
    this.whole = true
    this.chunks.push(body)
    this.end(trailers)
  }
  onResponseHead(head: ResponseHead): void {
    this.head = head
  }
  onResponseBody(chunk: Uint8Array): boolean {
    this.chunks.push(Buffer.from(chunk).toString('latin1'))
    this.memory.push(chunk)
    this.onEach?.()
    return this.bodyGone
  }
  onResponseEnd(trailers: string): void {
    this.end(trailers)
  }
  onUpgraded(head: ResponseHead): void {
    this.upgraded = head
    this.onEach?.()
  }
  onUpstreamDrain(): void {
    this.drains++
  }
  onUpstreamError(error: TransportError): void {
    this.ends++
    this.error = error
  }

  private end(trailers: string): void {
    this.ends++
    this.trailers = trailers
    this.onEnd?.()
  }
}

export interface Ask {
  readonly method?: string
  /** Bytes of a body that follows, or `CHUNKED`. */
  readonly bodyLength?: number
  readonly upgrade?: boolean
  readonly readTimeoutMs?: number
  readonly writeTimeoutMs?: number
  readonly exchange?: RecordedResponse
}

export class ClientSide {
  readonly socket = new MemorySocket()
  readonly clock = new FakeClock()
  readonly connection: H1ClientConnection
  closed = 0

  constructor(limits: Partial<H1Limits> = {}) {
    const options: ClientConnectionOptions = {
      limits: { ...DEFAULT_H1_LIMITS, ...limits },
      deadlines: this.clock.deadlines,
      key: 'key',
      name: 'upstream.test:80',
      onClosed: () => this.closed++,
      onFree: () => undefined,
    }
    this.connection = new H1ClientConnection(this.socket.asSocket, options)
    this.socket.attach(this.connection)
  }

  /** Sends a request and records what comes back. */
  ask({
    method = 'GET',
    bodyLength = 0,
    upgrade = false,
    readTimeoutMs = 0,
    writeTimeoutMs = 0,
    exchange,
  }: Ask = {}): RecordedResponse {
    const recorded = exchange ?? new RecordedResponse()
    const head = `${method} / HTTP/1.1\r\nHost: upstream.test\r\n\r\n`
    this.connection.sendRequest(recorded, requestOf(head, upgrade), bodyLength, {
      readTimeoutMs,
      writeTimeoutMs,
      quietTimeoutMs: 0,
    })
    return recorded
  }
}

/** A connection to an upstream that is already there, on a memory socket and a fake clock. */
export function openClientSide(limits: Partial<H1Limits> = {}): ClientSide {
  const side = new ClientSide(limits)
  side.connection.onConnected()
  return side
}
