import { Headers, ResponseHead, STALLED, type ServerStream, type TunnelEnds } from '@sekisho/wire'
import { ProxyError } from '../proxy-error.ts'
import type { ResponseFields } from '../session.ts'
import { isPromise, type Exchange } from './exchange.ts'
import { fail, finish } from './finish.ts'

/** The client's end of a connection that switched protocols and ends here. */
export interface ClientTunnel {
  /** @returns false: no more before `drained` */
  send(bytes: Uint8Array): boolean
  /** Nothing is received before `resume`. */
  pause(): void
  resume(): void
  /** Closes when what was sent has left. */
  close(): void
}

/** Speaks the other protocol, in place of an upstream. */
export interface TunnelHandler {
  opened(client: ClientTunnel): void
  /** `bytes` are valid during the call only. */
  received(bytes: Uint8Array): void
  drained(): void
  /** The client sends no more. */
  ended(): void
  /** The client is gone; not called behind `close`. */
  lost(): void
  /** The gateway stops: a last word may be sent. */
  stopping(): void
}

/** What `acceptUpgrade` was given, until it is sent. */
export interface AcceptedUpgrade {
  readonly head: ResponseHead
  readonly handler: TunnelHandler
}

/** @param fields of the 101 response, without `Connection` */
export function acceptedUpgrade(fields: ResponseFields, handler: TunnelHandler): AcceptedUpgrade {
  const headers = Headers.from(fields)
  headers.set('Connection', 'Upgrade')
  return { head: new ResponseHead(101, 'Switching Protocols', headers, 0), handler }
}

/** Answers 101, and hands the connection over. */
export function openLocalTunnel<Ctx>(exchange: Exchange<Ctx>, { head, handler }: AcceptedUpgrade): void {
  const { downstream, runtime } = exchange
  exchange.response = head
  exchange.responseSource = 'local'
  try {
    const waiting = runtime.phases.responseFilter?.(exchange, head)
    if (isPromise(waiting)) exchange.wait(waiting, 'responseFilter', () => undefined)
  } catch (cause) {
    fail(exchange, ProxyError.fromPhase('responseFilter', cause))
    return
  }
  const tunnel = new LocalTunnel(exchange, downstream, handler)
  handler.opened(tunnel)
  downstream.startTunnel(head, tunnel)
}

class LocalTunnel implements TunnelEnds, ClientTunnel {
  private readonly exchange: Exchange<unknown>
  private readonly client: ServerStream
  private readonly handler: TunnelHandler
  private over = false

  constructor(exchange: Exchange<never> | Exchange<unknown>, client: ServerStream, handler: TunnelHandler) {
    this.exchange = exchange as Exchange<unknown>
    this.client = client
    this.handler = handler
  }

  send(bytes: Uint8Array): boolean {
    return this.over || this.client.sendTunnelBytes(bytes) !== STALLED
  }
  pause(): void {
    this.client.pauseRequestBody()
  }
  resume(): void {
    if (!this.over) this.client.resumeRequestBody()
  }
  close(): void {
    if (this.over) return
    this.over = true
    this.client.closeTunnel()
    finish(this.exchange, undefined)
  }

  fromClient(chunk: Uint8Array): void {
    if (!this.over) this.handler.received(chunk)
  }
  clientDrained(): void {
    if (!this.over) this.handler.drained()
  }
  clientEnded(): void {
    if (!this.over) this.handler.ended()
  }
  clientLost(): void {
    if (this.over) return
    this.over = true
    this.handler.lost()
    finish(this.exchange, undefined)
  }
  stopping(): void {
    if (!this.over) this.handler.stopping()
  }

  // There is no upstream.
  fromUpstream(): void {}
  upstreamDrained(): void {}
  upstreamEnded(): void {}
  upstreamLost(): void {}
}
