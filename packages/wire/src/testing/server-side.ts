import type { TransportError } from '../errors.ts'
import { Headers } from '../headers/headers.ts'
import type { Refusal } from '../streams/refusal.ts'
import type { RequestHead } from '../h1/request-head.ts'
import { ResponseHead } from '../h1/response-head.ts'
import { H1ServerConnection, type ServerConnectionOptions } from '../h1/server-connection.ts'
import type { RequestHandler, ServerExchange } from '../streams/server-exchange.ts'
import type { ServerStream } from '../streams/server-stream.ts'
import { DEFAULT_H1_LIMITS, type H1Limits } from '../limits.ts'
import { FakeClock } from './fake-clock.ts'
import { MemorySocket } from './memory-socket.ts'

/** One request as a handler met it. */
export class RecordedRequest implements ServerExchange {
  readonly connection: ServerStream
  readonly head: RequestHead
  readonly chunks: string[] = []
  trailers: string | undefined
  refused: Refusal | undefined
  lost: TransportError | undefined
  drains = 0
  /** What `onRequestBody` answers: false keeps the memory until the body is released. */
  bodyGone = true
  /** The chunks themselves, for tests of whose memory they are. */
  readonly memory: Uint8Array[] = []
  onBody: (() => void) | undefined
  onEnd: (() => void) | undefined

  constructor(connection: ServerStream, head: RequestHead) {
    this.connection = connection
    this.head = head
  }

  get body(): string {
    return this.chunks.join('')
  }
  get complete(): boolean {
    return this.trailers !== undefined
  }

  onRequestBody(chunk: Uint8Array): boolean {
    this.chunks.push(Buffer.from(chunk).toString('latin1'))
    this.memory.push(chunk)
    this.onBody?.()
    return this.bodyGone
  }
  onRequestEnd(trailers: string): void {
    this.trailers = trailers
    this.onEnd?.()
  }
  onRequestRefused(reason: Refusal): void {
    this.refused = reason
  }
  onDownstreamDrain(): void {
    this.drains++
  }
  onDownstreamLost(error: TransportError): void {
    this.lost = error
  }

  respond(body: string, fields: Record<string, string> = {}, status = 200): void {
    this.connection.sendResponse(response(status, { 'Content-Length': String(body.length), ...fields }), body)
  }
}

export const response = (status: number, fields: Record<string, string> = {}): ResponseHead =>
  new ResponseHead(status, '', Headers.from(fields))

export class RecordingHandler implements RequestHandler {
  readonly requests: RecordedRequest[] = []
  readonly refusals: Refusal[] = []
  opened = 0
  closed = 0
  onEach: (request: RecordedRequest) => void
  refuse: ((connection: ServerStream, reason: Refusal) => void) | undefined

  constructor(onEach: (request: RecordedRequest) => void) {
    this.onEach = onEach
  }

  onRequest(connection: ServerStream, head: RequestHead): void {
    const request = new RecordedRequest(connection, head)
    connection.exchange = request
    this.requests.push(request)
    this.onEach(request)
  }
  onRefused(connection: ServerStream, reason: Refusal): void {
    this.refusals.push(reason)
    if (this.refuse === undefined) connection.sendResponse(response(reason.status, { 'Content-Length': '0' }), '')
    else this.refuse(connection, reason)
  }
  onOpened(): void {
    this.opened++
  }
  onClosed(): void {
    this.closed++
  }
}

/** Handlers that tests choose from. */
export const answerNothing = (): void => {}
export const readBody = (request: RecordedRequest): void => request.connection.readRequestBody()
export const answerAtOnce = (request: RecordedRequest): void =>
  request.respond(`${request.head.method} ${request.head.target}`)
/** Reads the body, then sends it back. */
export const echo = (request: RecordedRequest): void => {
  request.onEnd = () => request.respond(request.body)
  if (request.head.bodyLength === 0) request.respond('')
  else request.connection.readRequestBody()
}

export interface ServerSide {
  readonly socket: MemorySocket
  readonly connection: H1ServerConnection
  readonly handler: RecordingHandler
  readonly requests: RecordedRequest[]
  readonly clock: FakeClock
  readonly options: ServerConnectionOptions
}

/** A connection from a client, on a memory socket and a fake clock. */
export function openServerSide(onEach: (request: RecordedRequest) => void, limits: Partial<H1Limits> = {}): ServerSide {
  const socket = new MemorySocket()
  const clock = new FakeClock()
  const handler = new RecordingHandler(onEach)
  const options = { handler, limits: { ...DEFAULT_H1_LIMITS, ...limits }, deadlines: clock.deadlines, draining: false }
  const connection = new H1ServerConnection(socket.asSocket, options)
  socket.attach(connection)
  return { socket, connection, handler, requests: handler.requests, clock, options }
}
