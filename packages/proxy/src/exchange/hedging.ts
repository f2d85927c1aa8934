import {
  TransportError,
  type ClientExchange,
  type ClientStream,
  type RequestHead,
  type ResponseHead,
} from '@sekisho/wire'
import type { Peer } from '../peers/peer.ts'
import { ProxyError } from '../proxy-error.ts'
import type { Exchange } from './exchange.ts'
import { logError } from './finish.ts'
import { hedgedRequest } from './upstream-request.ts'

/**
 * Hedged requests of one attempt: while no response has begun, the same request goes to further nodes. The first head that comes is the answer,
 * and the others are given up (a stream is reset, a connection dropped).
 *
 *     upstreamPeer -> session.hedge(after, max)
 *       `after` passes -> hedgePeer gives a node -> HedgeAttempt
 *         its head is first -> it takes the place of the attempt in the exchange, and hands on what comes
 *         the attempt's is  -> it is given up
 *         the attempt fails -> it is what the exchange waits for now
 */
export class Hedging {
  private readonly exchange: Exchange<unknown>
  private readonly afterMs: number
  private readonly open: HedgeAttempt[] = []
  private left: number
  private timer: NodeJS.Timeout | undefined

  constructor(exchange: Exchange<unknown>, afterMs: number, max: number) {
    this.exchange = exchange
    this.afterMs = afterMs
    this.left = max
    this.arm()
  }

  /** The response has begun, or the exchange is over: no hedge is wanted any more, but the one that won. */
  end(winner?: HedgeAttempt): void {
    clearTimeout(this.timer)
    this.exchange.hedging = undefined
    for (const hedge of this.open.splice(0)) if (hedge !== winner) hedge.giveUp()
  }

  /** A hedge is on its way. */
  get busy(): boolean {
    return this.open.length > 0
  }

  /** The attempt failed: a hedge goes on in its place. */
  takeOver(error: ProxyError): void {
    const hedge = this.open.shift() as HedgeAttempt
    const { exchange } = this
    const peer = exchange.peer as Peer
    logError(exchange, error)
    if (peer.backend !== undefined) exchange.tried = [...exchange.tried, peer.backend]
    exchange.course++
    hedge.promote()
  }

  /** A hedge failed: as if it had never been, but that its node is not picked again. */
  failed(hedge: HedgeAttempt, error: ProxyError | undefined): void {
    const at = this.open.indexOf(hedge)
    if (at >= 0) this.open.splice(at, 1)
    const { exchange } = this
    if (hedge.peer.backend !== undefined) exchange.tried = [...exchange.tried, hedge.peer.backend]
    tell(exchange, hedge.peer, false, error)
  }

  private arm(): void {
    this.timer = setTimeout(() => this.launch(), this.afterMs)
  }

  private launch(): void {
    const { exchange } = this
    const { phases } = exchange.runtime
    let peer: Peer | undefined
    try {
      peer = phases.hedgePeer?.(exchange)
    } catch (cause) {
      logError(exchange, ProxyError.fromPhase('hedgePeer', cause))
    }
    if (peer === undefined) return
    this.left--
    const hedge = new HedgeAttempt(exchange, this, peer)
    this.open.push(hedge)
    hedge.start()
    // It may have ended in there.
    if (this.left > 0 && exchange.hedging === this) this.arm()
  }
}

/** One hedge: told by its own stream, it tells the exchange once it has won. */
export class HedgeAttempt implements ClientExchange {
  readonly peer: Peer
  private readonly exchange: Exchange<unknown>
  private readonly hedging: Hedging
  private stream: ClientStream | undefined
  private sentAt = 0
  private reused = false
  /** It is the attempt that the exchange waits for. */
  private won = false

  constructor(exchange: Exchange<unknown>, hedging: Hedging, peer: Peer) {
    this.exchange = exchange
    this.hedging = hedging
    this.peer = peer
  }

  start(): void {
    const { peer, exchange } = this
    const { resolver } = exchange.runtime
    const known = peer.resolved
    const address = known === undefined ? resolver.resolve(peer.host) : undefined
    // A name that has to be looked up first is no shortcut.
    if (address instanceof Promise) {
      address.catch(() => undefined)
      this.hedging.failed(this, undefined)
      return
    }
    this.connect(known ?? peer.resolveTo(address as string))
  }

  /** The exchange waits for this one from here on. */
  promote(): void {
    const { exchange } = this
    exchange.upstream?.discard()
    exchange.upstream = this.stream
    exchange.peer = this.peer
    exchange.reused = this.reused
    exchange.sentAt = this.sentAt
    this.won = true
    tell(exchange, this.peer, true, undefined)
  }

  giveUp(): void {
    const { stream } = this
    this.stream = undefined
    stream?.discard()
    tell(this.exchange, this.peer, false, undefined)
  }

  onConnected(): void {
    const { exchange, peer } = this
    const stream = this.stream as ClientStream
    let request: RequestHead | undefined
    try {
      exchange.runtime.phases.connectedToUpstream?.(exchange, peer, this.reused)
      request = hedgedRequest(exchange, stream, peer)
    } catch (cause) {
      logError(exchange, ProxyError.fromPhase('upstreamRequestFilter', cause))
    }
    if (request === undefined) {
      stream.discard()
      this.lost(new TransportError('CONNECT_FAILED', 'the request cannot be sent to another node'))
      return
    }
    this.sentAt = performance.now()
    if (this.won) exchange.sentAt = this.sentAt
    stream.sendRequest(this, request, 0, peer)
  }

  onInformational(head: ResponseHead): void {
    if (this.won) this.exchange.onInformational(head)
  }
  onResponse(head: ResponseHead, body: string, trailers: string): void {
    this.win()
    this.exchange.onResponse(head, body, trailers)
  }
  onResponseHead(head: ResponseHead): void {
    this.win()
    this.exchange.onResponseHead(head)
  }
  onResponseBody(chunk: Uint8Array): boolean {
    return this.exchange.onResponseBody(chunk)
  }
  onResponseEnd(trailers: string): void {
    this.exchange.onResponseEnd(trailers)
  }
  onUpgraded(): void {
    // No request that may be switched is hedged.
    this.lost(new TransportError('BAD_RESPONSE', 'the protocol was switched unasked'))
  }
  onUpstreamDrain(): void {
    // There is no body to go on with.
  }
  onUpstreamError(error: TransportError): void {
    if (this.won) this.exchange.onUpstreamError(error)
    else this.lost(error)
  }

  private connect({ key, address }: NonNullable<Peer['resolved']>): void {
    const { pools } = this.exchange.runtime
    try {
      const kept = pools.take(key, address.protocol, false)
      this.reused = kept !== undefined && kept.ready
      this.stream = kept ?? pools.open(key, address)
    } catch (cause) {
      this.lost(new TransportError('CONNECT_FAILED', `cannot connect to ${this.peer.name}`, { cause }))
      return
    }
    if (this.reused) this.onConnected()
    else this.stream.connectFor(this, this.peer.connectTimeoutMs)
  }

  private lost(error: TransportError): void {
    this.stream = undefined
    if (this.won) this.exchange.onUpstreamError(error)
    else this.hedging.failed(this, ProxyError.fromUpstream(error))
  }

  private win(): void {
    const { exchange, hedging } = this
    if (this.won) return
    exchange.course++
    this.promote()
    hedging.end(this)
  }
}

/** Tells the program what became of a hedge. */
function tell(exchange: Exchange<unknown>, peer: Peer, won: boolean, error: ProxyError | undefined): void {
  try {
    exchange.runtime.phases.hedgeOver?.(exchange, peer, won, error)
  } catch (cause) {
    logError(exchange, ProxyError.fromPhase('hedgeOver', cause))
  }
}
