import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a runtime made of an event. */
export interface FakeOutcome {
  readonly kind: 'response' | 'error' | 'init-error'
  readonly body: Buffer
  readonly headers: IncomingMessage['headers']
  readonly trailers: IncomingMessage['trailers']
}

interface Waiting {
  readonly id: string
  readonly payload: Buffer
  readonly headers: Readonly<Record<string, string>>
  readonly done: (outcome: FakeOutcome) => void
}

/** The Runtime API as simple as it can be, on `node:http`: the runtimes are tested without the engine. */
export class FakeRuntimeApi {
  /** The paths that were asked for, in order. */
  readonly calls: string[] = []
  onInitError: ((outcome: FakeOutcome) => void) | undefined
  private readonly server: Server
  private readonly queue: Waiting[] = []
  private readonly running = new Map<string, Waiting>()
  private readonly idle: ServerResponse[] = []
  private whenIdle: (() => void)[] = []

  private constructor() {
    this.server = createServer((request, response) => this.serve(request, response))
    this.server.keepAliveTimeout = 0
  }

  static async listen(): Promise<FakeRuntimeApi> {
    const api = new FakeRuntimeApi()
    await new Promise<void>((resolve) => {
      api.server.listen(0, '127.0.0.1', resolve)
    })
    return api
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  invoke(payload: unknown, headers: Readonly<Record<string, string>> = {}): Promise<FakeOutcome> {
    return new Promise((done) => {
      const text = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload))
      this.queue.push({ id: randomUUID(), payload: text, headers, done })
      this.match()
    })
  }

  /** Resolves when the runtime waits for an event. */
  ready(): Promise<void> {
    if (this.idle.length > 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.whenIdle.push(resolve)
    })
  }

  close(): void {
    this.server.close()
    this.server.closeAllConnections()
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? ''
    this.calls.push(path)
    if (path === '/2018-06-01/runtime/invocation/next') {
      this.idle.push(response)
      this.match()
      if (this.idle.length > 0) this.whenIdle.splice(0).forEach((resolve) => resolve())
      return
    }
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('error', () => undefined)
    request.once('end', () => {
      response.writeHead(202, { 'content-type': 'application/json', 'content-length': '16' }).end('{"status":"OK"}\n')
      this.settle(path, request, Buffer.concat(pieces))
    })
  }

  private settle(path: string, { headers, trailers }: IncomingMessage, body: Buffer): void {
    if (path === '/2018-06-01/runtime/init/error') {
      this.onInitError?.({ kind: 'init-error', body, headers, trailers })
      return
    }
    const [, id = '', what] = /\/invocation\/([^/]+)\/(response|error)$/.exec(path) ?? []
    const waiting = this.running.get(id)
    this.running.delete(id)
    waiting?.done({ kind: what === 'error' ? 'error' : 'response', body, headers, trailers })
  }

  private match(): void {
    if (this.queue.length === 0 || this.idle.length === 0) return
    const waiting = this.queue.shift()!
    this.running.set(waiting.id, waiting)
    this.idle
      .shift()!
      .writeHead(200, {
        'Content-Type': 'application/json',
        'Lambda-Runtime-Aws-Request-Id': waiting.id,
        'Lambda-Runtime-Deadline-Ms': String(Date.now() + 3000),
        'Lambda-Runtime-Invoked-Function-Arn': 'arn:aws:lambda:us-east-1:000000000000:function:fn',
        ...waiting.headers,
        'Content-Length': String(waiting.payload.length),
      })
      .end(waiting.payload)
  }
}
