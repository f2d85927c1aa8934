/* eslint-disable typescript/no-explicit-any -- events and answers are looked into as a function would */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventStreamFrame, frameHeaders } from '@sekisho/functions/internal/control-api/invoke/event-stream-frame'

/** A call as the service got it. */
export interface ReceivedCall {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly event: any
}

/** Answers a call: what it returns is the payload as JSON, what it throws a function error. */
export type FakeHandler = (event: any, call: ReceivedCall) => unknown

type Piece = string | Buffer | Error | Promise<void>

/** Pieces of a stream; an `Error` among them fails it, a promise is waited for. */
export class FakeStream {
  readonly pieces: readonly Piece[]
  constructor(...pieces: readonly Piece[]) {
    this.pieces = pieces
  }
}

/** What the service itself says. */
export class FakeRefusal {
  readonly status: number
  constructor(status: number) {
    this.status = status
  }
}

/** Text that is the payload as it is, JSON or not. */
export class RawPayload {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const CHUNK = frameHeaders({ ':event-type': 'PayloadChunk', ':message-type': 'event' })
const COMPLETE = frameHeaders({ ':event-type': 'InvokeComplete', ':message-type': 'event' })

/** Enough of the Lambda API to invoke functions that are handlers in the test. */
export class FakeLambda {
  readonly calls: ReceivedCall[] = []
  readonly port: number
  private readonly server: ReturnType<typeof createServer>

  private constructor(server: ReturnType<typeof createServer>, calls: ReceivedCall[]) {
    this.server = server
    this.calls = calls
    this.port = (server.address() as AddressInfo).port
  }

  static async start(handlers: Readonly<Record<string, FakeHandler>>): Promise<FakeLambda> {
    const calls: ReceivedCall[] = []
    const server = createServer((request, response) => void answer(request, response, handlers, calls))
    server.keepAliveTimeout = 60_000
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new FakeLambda(server, calls)
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve())
      this.server.closeAllConnections()
    })
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: Readonly<Record<string, FakeHandler>>,
  calls: ReceivedCall[],
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const path = request.url ?? ''
  const name = decodeURIComponent(/functions\/([^/]+)\//.exec(path)?.[1] ?? '')
  const handler = handlers[name]
  const call: ReceivedCall = { path, headers: request.headers, event: JSON.parse(Buffer.concat(chunks).toString()) }
  calls.push(call)
  if (handler === undefined) return send(response, 404, { Message: `Function not found: ${name}` })
  if (request.headers['x-amz-invocation-type'] === 'Event') {
    response.writeHead(202).end()
    return undefined
  }
  try {
    const value = await handler(call.event, call)
    if (value instanceof FakeRefusal) return send(response, value.status, { message: 'Rate Exceeded.' })
    if (path.includes('response-streaming')) return await stream(response, value)
    if (value instanceof RawPayload) return void response.writeHead(200).end(value.text)
    return send(response, 200, value ?? null)
  } catch (error) {
    const body = { errorType: 'Error', errorMessage: (error as Error).message }
    return send(response, 200, body, { 'X-Amz-Function-Error': 'Unhandled' })
  }
}

function send(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(value))
}

async function stream(response: ServerResponse, value: unknown): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'application/vnd.amazon.eventstream' })
  const pieces = value instanceof FakeStream ? value.pieces : [JSON.stringify(value)]
  let complete = {}
  for (const piece of pieces) {
    if (piece instanceof Error) complete = { ErrorCode: 'Unhandled', ErrorDetails: piece.message }
    else if (piece instanceof Promise) await piece
    else response.write(eventStreamFrame(CHUNK, Buffer.from(piece as string)))
  }
  response.end(eventStreamFrame(COMPLETE, Buffer.from(JSON.stringify(complete))))
}
