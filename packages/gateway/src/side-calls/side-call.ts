import type { Peer } from '@sekisho/proxy'
import type { ClientExchange, ClientStream, RequestHead, ResponseHead, Timed, TransportError } from '@sekisho/wire'
import { sideConnections } from './connections.ts'

/** What a service answered, of any status. */
export interface SideAnswer {
  readonly head: ResponseHead
  readonly body: Buffer
  /** Lines with CRLF, or the empty string. */
  readonly trailers: string
}

export type SideFailureKind = 'unreachable' | 'timeout' | 'too-large'

/** Why there is no answer; `message` is for the log, not for clients. */
export class SideFailure extends Error {
  readonly kind: SideFailureKind

  constructor(kind: SideFailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

export interface SideLimits {
  /** Undefined: nobody wants the body; it is read and forgotten. */
  readonly maxAnswerBytes: number | undefined
  /** For all of it, from the name's resolution to the last byte, in ms; left out: the peer's own limits alone. */
  readonly timeoutMs?: number | undefined
}

/**
 * One request to a service beside the way of a request, on the pools of the thread. Never rejects: `done` is told once. A request on a kept
 * connection that turns out to be dead is sent again on a new one.
 * @param request whose fields say the length of `body`
 */
export function sideCall(
  peer: Peer,
  request: RequestHead,
  body: Uint8Array | undefined,
  limits: SideLimits,
  done: (result: SideAnswer | SideFailure) => void,
): void {
  const call = new SideCall(peer, request, body, limits, done)
  const { resolved } = peer
  if (resolved !== undefined) call.start(resolved, false)
  else void call.resolve()
}

type Place = NonNullable<Peer['resolved']>

class SideCall implements ClientExchange, Timed {
  deadline = 0
  private readonly peer: Peer
  private readonly request: RequestHead
  private readonly body: Uint8Array | undefined
  private readonly limits: SideLimits
  private readonly done: (result: SideAnswer | SideFailure) => void
  private place: Place | undefined = undefined
  private stream: ClientStream | undefined = undefined
  /** The connection came from the pool: it may have died there. */
  private reused = false
  private ended = false
  private head: ResponseHead | undefined = undefined
  private chunks: Buffer[] = []
  private bytes = 0

  constructor(
    peer: Peer,
    request: RequestHead,
    body: Uint8Array | undefined,
    limits: SideLimits,
    done: (result: SideAnswer | SideFailure) => void,
  ) {
    this.peer = peer
    this.request = request
    this.body = body
    this.limits = limits
    this.done = done
    const { timeoutMs } = limits
    if (timeoutMs === undefined) return
    const { deadlines } = sideConnections()
    deadlines.add(this)
    this.deadline = deadlines.now() + timeoutMs
  }

  async resolve(): Promise<void> {
    const { peer } = this
    try {
      const address = await sideConnections().resolver.resolve(peer.host)
      if (!this.ended) this.start(peer.resolveTo(address), false)
    } catch (error) {
      this.fail('unreachable', messageOf(error))
    }
  }

  /** @param fresh no connection out of the pool */
  start(place: Place, fresh: boolean): void {
    this.place = place
    const { key, address } = place
    const { pools } = sideConnections()
    try {
      const pooled = pools.take(key, address.protocol, fresh)
      this.reused = pooled !== undefined && pooled.ready
      this.stream = pooled ?? pools.open(key, address)
      if (this.reused) this.onConnected()
      else this.stream.connectFor(this, this.peer.connectTimeoutMs)
    } catch (error) {
      this.fail('unreachable', messageOf(error))
    }
  }

  onConnected(): void {
    const { request, body } = this
    const stream = this.stream as ClientStream
    stream.sendRequest(this, request, body?.length ?? 0, this.peer)
    if (body === undefined || body.length === 0) return
    stream.sendBody(body)
    stream.endBody()
  }

  onResponse(head: ResponseHead, body: string, trailers: string): void {
    this.head = head
    const { maxAnswerBytes: most } = this.limits
    if (most !== undefined) {
      if (body.length > most) return this.refuseLength()
      this.chunks = [Buffer.from(body, 'latin1')]
    }
    this.onResponseEnd(trailers)
  }
  onResponseHead(head: ResponseHead): void {
    this.head = head
  }
  onResponseBody(chunk: Uint8Array): boolean {
    const { maxAnswerBytes: most } = this.limits
    if (most === undefined) return true
    this.bytes += chunk.length
    if (this.bytes <= most) this.chunks.push(Buffer.from(chunk))
    else this.refuseLength()
    return true
  }
  onResponseEnd(trailers: string): void {
    const { stream, head, chunks } = this
    if (stream === undefined || head === undefined) return
    this.stream = undefined
    stream.giveBack(this.peer.keepAlive)
    this.end({ head, body: chunks.length === 1 ? chunks[0] : Buffer.concat(chunks), trailers })
  }
  onUpstreamError(error: TransportError): void {
    if (this.stream === undefined) return
    this.stream = undefined
    // Nothing was answered on a connection that was idle: it was closed before the call came.
    if (this.reused && this.head === undefined && !error.timeout) this.start(this.place as Place, true)
    else this.fail(error.timeout ? 'timeout' : 'unreachable', error.message)
  }
  onDeadline(): void {
    this.fail('timeout', `no answer within ${this.limits.timeoutMs} ms`)
  }

  onInformational(): void {}
  onUpstreamDrain(): void {}
  onUpgraded(): void {}

  private refuseLength(): void {
    this.fail('too-large', `the answer has more than ${this.limits.maxAnswerBytes} bytes`)
  }

  private fail(kind: SideFailureKind, message: string): void {
    this.stream?.discard()
    this.stream = undefined
    this.end(new SideFailure(kind, message))
  }

  private end(result: SideAnswer | SideFailure): void {
    if (this.ended) return
    this.ended = true
    if (this.limits.timeoutMs !== undefined) sideConnections().deadlines.remove(this)
    this.done(result)
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
