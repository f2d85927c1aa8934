import { once } from 'node:events'
import {
  connect,
  constants,
  createServer,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { releaseLater } from '../../exchange/testing/resources.ts'

export const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR } = constants

/** A call as a service of tests sees it. */
export interface ReceivedCall {
  readonly stream: ServerHttp2Stream
  readonly session: ServerHttp2Session
  readonly headers: IncomingHttpHeaders
  /** Bytes of the request as they came so far. */
  readonly received: Buffer[]
  /** The code with which the other side gave the stream up; 0 when it ended well. */
  readonly closed: Promise<number>
}

/** A gRPC service below any library: what answers and what breaks is up to the test. */
export class RawService {
  readonly address: string
  readonly calls: ReceivedCall[]
  private readonly waiting: (() => void)[]

  private constructor(address: string, calls: ReceivedCall[], waiting: (() => void)[]) {
    this.address = address
    this.calls = calls
    this.waiting = waiting
  }

  static async start(answer: (call: ReceivedCall) => void = () => undefined): Promise<RawService> {
    const calls: ReceivedCall[] = []
    const waiting: (() => void)[] = []
    const sessions = new Set<ServerHttp2Session>()
    const server = createServer()
    server.on('session', (session) => {
      sessions.add(session)
      session.on('error', () => undefined)
      session.on('close', () => sessions.delete(session))
    })
    server.on('stream', (stream, headers) => {
      const received: Buffer[] = []
      stream.on('data', (chunk: Buffer) => received.push(chunk))
      stream.on('error', () => undefined)
      const closed = new Promise<number>((resolve) => stream.on('close', () => resolve(stream.rstCode ?? 0)))
      const call = { stream, session: stream.session as ServerHttp2Session, headers, received, closed }
      calls.push(call)
      answer(call)
      for (const wake of waiting.splice(0)) wake()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    releaseLater(async () => {
      for (const session of sessions) session.destroy()
      await new Promise((resolve) => server.close(resolve))
    })
    return new RawService(`127.0.0.1:${(server.address() as AddressInfo).port}`, calls, waiting)
  }

  /** The `number`th call (from 1), once it is there. */
  async call(number = 1): Promise<ReceivedCall> {
    while (this.calls.length < number) await new Promise<void>((resolve) => this.waiting.push(resolve))
    return this.calls[number - 1] as ReceivedCall
  }
}

/** What came back to a client. */
export interface Outcome {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly trailers: IncomingHttpHeaders | undefined
  readonly rstCode: number
}

/** A call from the client's side. */
export class RawCall {
  readonly stream: ClientHttp2Stream
  readonly head: Promise<IncomingHttpHeaders>
  readonly outcome: Promise<Outcome>

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream
    const chunks: Buffer[] = []
    let headers: IncomingHttpHeaders = {}
    let trailers: IncomingHttpHeaders | undefined
    this.head = new Promise((resolve) => stream.on('response', (fields) => resolve((headers = fields))))
    stream.on('trailers', (fields: IncomingHttpHeaders) => (trailers = fields))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', () => undefined)
    this.outcome = new Promise((resolve) =>
      stream.on('close', () =>
        resolve({ headers, body: Buffer.concat(chunks), trailers, rstCode: stream.rstCode ?? 0 }),
      ),
    )
  }
}

export class RawGrpcClient {
  readonly session: ClientHttp2Session

  constructor(port: number) {
    this.session = connect(`http://127.0.0.1:${port}`)
    this.session.on('error', () => undefined)
    releaseLater(() => this.session.destroy())
  }

  /** Opens a call; its body is up to the test unless `body` is given, which is then all of it. */
  call(fields: OutgoingHttpHeaders = {}, body?: Uint8Array): RawCall {
    const stream = this.session.request({
      ':method': 'POST',
      ':path': '/test.Service/Method',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...fields,
    })
    if (body !== undefined) stream.end(body)
    return new RawCall(stream)
  }
}

/** A message with its prefix. */
export function message(bytes: Uint8Array | string, flag = 0): Buffer {
  const framed = Buffer.alloc(5 + bytes.length)
  framed[0] = flag
  framed.writeUInt32BE(bytes.length, 1)
  framed.set(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, 5)
  return framed
}

/** Ends a call with a status in a head and nothing else. */
export function trailersOnly({ stream }: ReceivedCall, status: number, text = ''): void {
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(status), 'grpc-message': text },
    { endStream: true },
  )
}

/** Answers with messages, then a status in trailers. */
export function answerWith({ stream }: ReceivedCall, messages: readonly Uint8Array[], status = 0): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(status) }))
  for (const one of messages) stream.write(one)
  stream.end()
}
