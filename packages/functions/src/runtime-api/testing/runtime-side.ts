import { MemorySocket, settle } from '../../../../wire/src/testing/memory-socket.ts'
import { RuntimeApi } from '../runtime-api.ts'
import type { RuntimeApiOptions } from '../runtime-api-options.ts'
import type { RuntimeEvent } from '../runtime-api-listener.ts'
import { RecordingListener } from './recording-listener.ts'

const OPTIONS: RuntimeApiOptions = {
  functionName: 'fn',
  functionVersion: '$LATEST',
  handler: 'index.handler',
  accountId: '000000000000',
}

export const NEXT = '/2018-06-01/runtime/invocation/next'

/** The request id number `n`. */
export const idOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

export const eventOf = (n: number, more: Partial<RuntimeEvent> = {}): RuntimeEvent => ({
  requestId: idOf(n),
  payload: Buffer.from(`{"n":${n}}`),
  deadlineMs: 1_800_000_000_123,
  invokedArn: 'arn:aws:lambda:us-east-1:000000000000:function:fn:live',
  traceId: undefined,
  clientContext: undefined,
  cognitoIdentity: undefined,
  tenantId: undefined,
  ...more,
})

/** A Runtime API, and whoever is inside the sandbox, without a network. */
export class RuntimeSide {
  readonly listener = new RecordingListener()
  readonly api: RuntimeApi

  constructor(options: Partial<RuntimeApiOptions> = {}) {
    this.api = new RuntimeApi(this.listener, { ...OPTIONS, ...options })
  }

  connect(): Caller {
    const socket = new MemorySocket()
    this.api.open(socket.asSocket)
    return new Caller(socket)
  }
}

/** One connection. */
export class Caller {
  readonly socket: MemorySocket

  constructor(socket: MemorySocket) {
    this.socket = socket
  }

  send(method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = ''): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const length =
      method === 'GET' || 'Transfer-Encoding' in headers ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
    this.socket.receive(
      Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n${length}${lines.join('')}\r\n${body}`),
    )
  }

  /** The bytes that came back since the last call. */
  async received(): Promise<string> {
    await settle()
    return this.socket.takeSent()
  }

  async ask(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body = '',
  ): Promise<Received> {
    this.send(method, path, headers, body)
    return parse(await this.received())
  }

  /** Status and type of the error, in short. */
  async outcome(method: string, path: string, body = ''): Promise<string> {
    const { status, body: answer } = await this.ask(method, path, {}, body)
    if (status === 0) return 'waits'
    const { errorType } = (answer.startsWith('{') ? JSON.parse(answer) : {}) as { errorType?: string }
    return errorType === undefined ? String(status) : `${status} ${errorType}`
  }
}

export interface Received {
  /** 0: nothing has come yet. */
  readonly status: number
  readonly head: string
  readonly body: string
}

export function parse(text: string): Received {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return { status: 0, head: text, body: '' }
  return { status: Number(text.slice(9, 12)), head: text.slice(0, end + 2), body: text.slice(end + 4) }
}

export const headerOf = (received: Received, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)\\r$`, 'm').exec(received.head)?.[1]

export const responsePath = (n: number): string => `/2018-06-01/runtime/invocation/${idOf(n)}/response`
export const errorPath = (n: number): string => `/2018-06-01/runtime/invocation/${idOf(n)}/error`

/** A chunked body, one chunk a piece. */
export const chunked = (pieces: readonly string[], trailers = ''): string =>
  pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`).join('') + `0\r\n${trailers}\r\n`
