import { STALLED, type ClientStream, type ServerStream, type ResponseHead, type TunnelEnds } from '@sekisho/wire'
import { ProxyError } from '../proxy-error.ts'
import { isPromise, type Exchange } from './exchange.ts'
import { fail, finish } from './finish.ts'

/** The upstream switched protocols (WebSocket): bytes flow both ways untouched until one side ends. */
export function onTunnelOpen<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead): void {
  const { downstream, upstream } = exchange
  const { phases } = exchange.runtime
  if (upstream === undefined) return
  exchange.response = head
  exchange.responseSource = 'upstream'
  exchange.answeredAt = performance.now()
  try {
    // A promise cannot hold a tunnel back: its first bytes may be here already. One that rejects cuts it.
    for (const waiting of [phases.upstreamResponseFilter?.(exchange, head), phases.responseFilter?.(exchange, head)]) {
      if (isPromise(waiting)) exchange.wait(waiting, 'a response filter', () => undefined)
    }
  } catch (cause) {
    fail(exchange, ProxyError.fromPhase('a response filter', cause))
    return
  }
  if (exchange.sendAnswer()) return
  const tunnel = new Tunnel(exchange as Exchange<unknown>, downstream, upstream)
  upstream.joinTunnel(tunnel)
  downstream.startTunnel(head, tunnel)
}

/** Half closes pass through; the exchange is over when both sides ended or one was lost. */
class Tunnel implements TunnelEnds {
  private readonly exchange: Exchange<unknown>
  private readonly client: ServerStream
  private readonly upstream: ClientStream
  private ended = 0

  constructor(exchange: Exchange<unknown>, client: ServerStream, upstream: ClientStream) {
    this.exchange = exchange
    this.client = client
    this.upstream = upstream
  }

  fromClient(chunk: Uint8Array): void {
    if (this.upstream.sendTunnelBytes(chunk) === STALLED) this.client.pauseRequestBody()
  }
  fromUpstream(chunk: Uint8Array): void {
    if (this.client.sendTunnelBytes(chunk) === STALLED) this.upstream.pauseBody()
  }
  clientDrained(): void {
    this.upstream.resumeBody()
  }
  upstreamDrained(): void {
    this.client.resumeRequestBody()
  }
  clientEnded(): void {
    this.upstream.endTunnel()
    this.oneEnded()
  }
  upstreamEnded(): void {
    this.client.endTunnel()
    this.oneEnded()
  }
  clientLost(): void {
    finish(this.exchange, undefined)
  }
  /** What the upstream sent before still reaches the client, whose connection then closes. */
  upstreamLost(): void {
    this.client.closeTunnel()
    finish(this.exchange, undefined)
  }

  private oneEnded(): void {
    if (++this.ended < 2) return
    // What waits for the upstream still leaves before its connection is closed.
    this.exchange.upstream = undefined
    this.upstream.closeTunnel()
    finish(this.exchange, undefined)
  }
}
