import {
  STALLED,
  type ClientStream,
  type ResponseHead,
  type ServerStream,
  type Timed,
  type TunnelEnds,
} from '@sekisho/wire'
import { ProxyError } from '../proxy-error.ts'
import {
  closeFrame,
  FrameFollower,
  GOING_AWAY,
  PROTOCOL_ERROR,
  type WebSocketFault,
} from '../web-socket/frame-follower.ts'
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
  const tunnel = new Tunnel(exchange, downstream, upstream, head)
  upstream.joinTunnel(tunnel)
  downstream.startTunnel(head, tunnel)
}

/** Half closes pass through; the exchange is over when both sides ended or one was lost. */
class Tunnel implements TunnelEnds, Timed {
  deadline = 0
  private readonly exchange: Exchange<unknown>
  private readonly client: ServerStream
  private readonly upstream: ClientStream
  private readonly webSocket: boolean
  /** The frames of both directions, where their size is limited. */
  private readonly fromClientFrames: FrameFollower | undefined
  private readonly fromUpstreamFrames: FrameFollower | undefined
  private ended = 0
  private over = false

  constructor(exchange: Exchange<unknown>, client: ServerStream, upstream: ClientStream, head: ResponseHead) {
    this.exchange = exchange
    this.client = client
    this.upstream = upstream
    this.webSocket = exchange.request.headers.get('upgrade')?.toLowerCase() === 'websocket'
    const { maxMessageBytes } = exchange.tunnelLimits
    if (this.webSocket && maxMessageBytes > 0) {
      const extensions = head.headers.has('sec-websocket-extensions')
      this.fromClientFrames = new FrameFollower({ maxMessageBytes, masked: true, extensions })
      this.fromUpstreamFrames = new FrameFollower({ maxMessageBytes, masked: false, extensions })
    }
    exchange.runtime.deadlines.add(this)
    this.startTimer()
  }

  fromClient(chunk: Uint8Array): void {
    this.startTimer()
    const fault = this.fromClientFrames?.follow(chunk)
    if (fault !== undefined) this.endWith(fault)
    else if (this.upstream.sendTunnelBytes(chunk) === STALLED) this.client.pauseRequestBody()
  }
  fromUpstream(chunk: Uint8Array): void {
    this.startTimer()
    const fault = this.fromUpstreamFrames?.follow(chunk)
    if (fault !== undefined) this.endWith(fault)
    else if (this.client.sendTunnelBytes(chunk) === STALLED) this.upstream.pauseBody()
  }
  clientDrained(): void {
    this.startTimer()
    this.upstream.resumeBody()
  }
  upstreamDrained(): void {
    this.startTimer()
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
    this.finish()
  }
  /** What the upstream sent before still reaches the client, whose connection then closes. */
  upstreamLost(): void {
    this.client.closeTunnel()
    this.finish()
  }
  stopping(): void {
    this.sayGoodbye({ code: GOING_AWAY, reason: 'the gateway stops' })
  }

  onDeadline(): void {
    this.endWith({ code: GOING_AWAY, reason: 'idle for too long' })
  }

  private startTimer(): void {
    const { tunnelLimits, runtime } = this.exchange
    this.deadline = tunnelLimits.idleTimeoutMs === 0 ? 0 : runtime.deadlines.now() + tunnelLimits.idleTimeoutMs
  }

  private oneEnded(): void {
    if (++this.ended < 2) return
    // What waits for the upstream still leaves before its connection is closed.
    this.exchange.upstream = undefined
    this.upstream.closeTunnel()
    this.finish()
  }

  /** Both sides are told why, and closed. */
  private endWith(fault: WebSocketFault): void {
    if (this.over) return
    this.sayGoodbye(fault)
    const broken = fault.code >= PROTOCOL_ERROR
    const error = new ProxyError(
      'TUNNEL_ENDED',
      broken ? 'downstream' : 'internal',
      0,
      `the tunnel was ended: ${fault.reason}`,
    )
    this.exchange.upstream = undefined
    this.upstream.closeTunnel()
    this.client.closeTunnel()
    this.finish(error)
  }

  /** A close frame where one may stand: within a frame it would be taken for its content. */
  private sayGoodbye(fault: WebSocketFault): void {
    if (!this.webSocket) return
    if (this.fromUpstreamFrames?.atBoundary ?? true) this.client.sendTunnelBytes(closeFrame(fault, false))
    if (this.fromClientFrames?.atBoundary ?? true) this.upstream.sendTunnelBytes(closeFrame(fault, true))
  }

  private finish(error?: ProxyError): void {
    if (this.over) return
    this.over = true
    this.exchange.runtime.deadlines.remove(this)
    finish(this.exchange, error)
  }
}
