import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

export interface SeenRequest {
  readonly method: string
  /** Path and query. */
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Handler = (request: SeenRequest, response: ServerResponse) => void

/** An HTTP server that plays a registry: what it answers is said by `handler`, which may be replaced; what it was asked is kept. */
export class RegistryServer {
  readonly requests: SeenRequest[] = []
  handler: Handler
  port = 0
  private server: Server | undefined
  private readonly sockets = new Set<Socket>()
  private waiting: (() => void)[] = []

  private readonly tls: { readonly key: string; readonly cert: string } | undefined

  constructor(handler: Handler, tls?: { readonly key: string; readonly cert: string }) {
    this.handler = handler
    this.tls = tls
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const url = new URL(request.url ?? '', this.url)
        const body = Buffer.concat(chunks).toString()
        const seen = { method: request.method ?? '', url, headers: request.headers, body }
        this.requests.push(seen)
        for (const wake of this.waiting.splice(0)) wake()
        this.handler(seen, response)
      })
    }
    const server = this.tls === undefined ? createServer(serve) : createTlsServer(this.tls, serve)
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
    })
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port
    this.server = server
  }

  /** As a process that is killed: connections are reset, and the port refuses. `start` brings it back on the same port. */
  async stop(): Promise<void> {
    const { server } = this
    this.server = undefined
    for (const socket of this.sockets) socket.resetAndDestroy()
    if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  }

  /** The first request that fits, of those that came or will come. */
  async asked(fits: (request: SeenRequest) => boolean): Promise<SeenRequest> {
    for (;;) {
      const found = this.requests.find(fits)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    }
  }
}

export function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}
