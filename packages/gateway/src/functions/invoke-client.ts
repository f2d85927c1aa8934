import { Resolver, type Peer } from '@sekisho/proxy'
import {
  Deadlines,
  DEFAULT_H1_LIMITS,
  DEFAULT_H2_LIMITS,
  DEFAULT_MAX_IDLE,
  Headers,
  RequestHead,
  UpstreamPools,
  type ClientExchange,
  type ClientStream,
  type ResponseHead,
  type TransportError,
} from '@sekisho/wire'
import type { FunctionFailure } from '@sekisho/functions/events'
import { refusalOf } from './invoke-failure.ts'
import type { FunctionTarget } from './function-target.ts'

/** What a function answered, or why it did not. */
export type Invoked =
  | { readonly payload: Buffer; readonly failure: undefined }
  | { readonly payload: Buffer; readonly failure: FunctionFailure; readonly detail: string }

/** More no function may answer. */
const MAX_ANSWER_BYTES = 6_291_556
const NOTHING = Buffer.alloc(0)

/** Connections for calls that are not the way of a request: one set for each thread. */
let shared: { readonly pools: UpstreamPools; readonly resolver: Resolver } | undefined
function connections(): NonNullable<typeof shared> {
  return (shared ??= {
    pools: new UpstreamPools({
      deadlines: new Deadlines(),
      limits: DEFAULT_H1_LIMITS,
      h2Limits: DEFAULT_H2_LIMITS,
      maxIdle: DEFAULT_MAX_IDLE,
      onDistrust: () => undefined,
    }),
    resolver: new Resolver(),
  })
}

/** Closes what nobody uses, so that a thread may end. */
export function closeIdleConnections(): void {
  shared?.pools.closeIdle()
}

/** Calls a function beside the way of a request: authorizers, WebSocket messages. Never rejects. */
export async function invokeFunction(target: FunctionTarget, payload: Buffer): Promise<Invoked> {
  const peer = target.upstream.pickBy('', []) as Peer
  const { resolver } = connections()
  let resolved = peer.resolved
  if (resolved === undefined) {
    try {
      resolved = peer.resolveTo(await resolver.resolve(peer.host))
    } catch (error) {
      return failed('unreachable', error instanceof Error ? error.message : String(error))
    }
  }
  const place = resolved
  return new Promise((resolve) => new SideCall(target, peer, place, payload, resolve).start(false))
}

const failed = (failure: FunctionFailure, detail: string, payload: Buffer = NOTHING): Invoked => ({
  payload,
  failure,
  detail,
})

class SideCall implements ClientExchange {
  private readonly target: FunctionTarget
  private readonly peer: Peer
  private readonly place: NonNullable<Peer['resolved']>
  private readonly payload: Buffer
  private readonly done: (result: Invoked) => void
  private stream: ClientStream | undefined = undefined
  /** The connection came from the pool: it may have died there. */
  private reused = false
  private head: ResponseHead | undefined = undefined
  private chunks: Buffer[] = []
  private bytes = 0

  constructor(
    target: FunctionTarget,
    peer: Peer,
    place: NonNullable<Peer['resolved']>,
    payload: Buffer,
    done: (result: Invoked) => void,
  ) {
    this.target = target
    this.peer = peer
    this.place = place
    this.payload = payload
    this.done = done
  }

  /** @param fresh no connection out of the pool */
  start(fresh: boolean): void {
    const { key, address } = this.place
    const { pools } = connections()
    try {
      const pooled = pools.take(key, address.protocol, fresh)
      this.reused = pooled !== undefined && pooled.ready
      this.stream = pooled ?? pools.open(key, address)
      if (this.reused) this.onConnected()
      else this.stream.connectFor(this, this.peer.connectTimeoutMs)
    } catch (error) {
      this.done(failed('unreachable', error instanceof Error ? error.message : String(error)))
    }
  }

  onConnected(): void {
    const { payload, target } = this
    const stream = this.stream as ClientStream
    const headers = new Headers()
    target.invoke.writeHeaders(headers, payload, undefined)
    const { path, address } = target.invoke
    const request = new RequestHead(
      'POST',
      path,
      address.authority,
      1,
      headers,
      payload.length,
      true,
      false,
      false,
      false,
      0,
    )
    stream.sendRequest(this, request, payload.length, this.peer)
    stream.sendBody(payload)
    stream.endBody()
  }

  onResponse(head: ResponseHead, body: string): void {
    this.head = head
    this.chunks = [Buffer.from(body, 'latin1')]
    this.bytes = body.length
    this.onResponseEnd()
  }
  onResponseHead(head: ResponseHead): void {
    this.head = head
  }
  onResponseBody(chunk: Uint8Array): boolean {
    this.bytes += chunk.length
    if (this.bytes <= MAX_ANSWER_BYTES) this.chunks.push(Buffer.from(chunk))
    else if (this.stream !== undefined) {
      this.stream.discard()
      this.stream = undefined
      this.done(failed('malformed', `the answer has more than ${MAX_ANSWER_BYTES} bytes`))
    }
    return true
  }
  onResponseEnd(): void {
    const { stream, head } = this
    if (stream === undefined || head === undefined) return
    this.stream = undefined
    stream.giveBack(this.peer.keepAlive)
    const payload = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks)
    if (head.status !== 200) this.done(failed(refusalOf(head.status), `${head.status} ${payload.toString()}`))
    else if (head.headers.has('x-amz-function-error')) this.done(failed('function', payload.toString(), payload))
    else this.done({ payload, failure: undefined })
  }
  onUpstreamError(error: TransportError): void {
    if (this.stream === undefined) return
    this.stream = undefined
    // Nothing was answered on a connection that was idle: it was closed before the call came.
    if (this.reused && this.head === undefined && !error.timeout) this.start(true)
    else this.done(failed(error.timeout ? 'timeout' : 'unreachable', error.message))
  }

  onInformational(): void {}
  onUpstreamDrain(): void {}
  onUpgraded(): void {}
}
