import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { ByteReader, EndedError, type RawMessage } from './byte-reader.ts'
import { releaseLater } from './resources.ts'

/** One connection that the proxy made. */
export class UpstreamConnection {
  readonly socket: Socket
  readonly reader: ByteReader
  /** 1 for the first connection of the upstream. */
  readonly number: number
  /** Resolves when the proxy sends no more, or is gone. */
  readonly hungUp: Promise<void>

  constructor(socket: Socket, number: number) {
    this.socket = socket
    this.number = number
    this.reader = new ByteReader(socket)
    this.hungUp = new Promise((resolve) => {
      socket.once('end', resolve)
      socket.once('close', () => resolve())
    })
  }

  request(): Promise<RawMessage> {
    return this.reader.message()
  }

  send(text: string): void {
    if (!this.socket.destroyed) this.socket.write(text, 'latin1')
  }

  /** Resolves when the bytes were handed to the kernel, or can no longer be. */
  sendAll(text: string): Promise<void> {
    return new Promise((resolve) => this.socket.write(text, 'latin1', () => resolve()))
  }

  end(): void {
    this.socket.end()
  }

  reset(): void {
    this.socket.resetAndDestroy()
  }
}

type Script = (connection: UpstreamConnection) => void | Promise<void>

export interface UpstreamOptions {
  readonly tls?: TlsOptions
  /** Listens there again after another one was closed. */
  readonly port?: number
  readonly host?: string
}

/** An upstream that does what a script says, on every connection. */
export class RawUpstream {
  readonly connections: UpstreamConnection[] = []
  private readonly server: Server
  private readonly host: string
  private readonly script: Script
  private readonly failures: unknown[] = []
  private announce: (() => void) | undefined

  private constructor(script: Script, options: UpstreamOptions) {
    this.script = script
    this.host = options.host ?? '127.0.0.1'
    const settings = { allowHalfOpen: true, noDelay: true, pauseOnConnect: false }
    this.server =
      options.tls === undefined
        ? createServer(settings, (socket) => this.accept(socket))
        : createTlsServer({ ...settings, ...options.tls }, (socket) => this.accept(socket))
    // A client that refuses our certificate is what some tests are about.
    this.server.on('tlsClientError', () => undefined)
  }

  static start(script: Script, options: UpstreamOptions = {}): Promise<RawUpstream> {
    const upstream = new RawUpstream(script, options)
    releaseLater(() => upstream.stop())
    return new Promise((resolve, reject) => {
      upstream.server.once('error', reject)
      upstream.server.listen(options.port ?? 0, upstream.host, () => resolve(upstream))
    })
  }

  /** Answers each request of each connection with the text that `answer` gives. */
  static answering(
    answer: (request: RawMessage, connection: UpstreamConnection) => string | Promise<string>,
    options: UpstreamOptions = {},
  ): Promise<RawUpstream> {
    return RawUpstream.start(async (connection) => {
      for (;;) connection.send(await answer(await connection.request(), connection))
    }, options)
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get address(): string {
    return `${this.host}:${this.port}`
  }

  /** The connection of that number (from 1), when it is there. */
  async connection(number = 1): Promise<UpstreamConnection> {
    while (this.connections.length < number) await new Promise<void>((resolve) => (this.announce = resolve))
    return this.connections[number - 1]
  }

  /** As a killed process: nothing listens there any more, and all connections are reset. */
  kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const { socket } of this.connections) if (!socket.destroyed) socket.resetAndDestroy()
    return closed
  }

  private async stop(): Promise<void> {
    this.server.close()
    for (const { socket } of this.connections) socket.destroy()
    if (this.failures.length > 0) throw this.failures[0]
  }

  private accept(socket: Socket): void {
    const connection = new UpstreamConnection(socket, this.connections.length + 1)
    this.connections.push(connection)
    this.announce?.()
    void this.play(connection)
  }

  private async play(connection: UpstreamConnection): Promise<void> {
    try {
      await this.script(connection)
    } catch (error) {
      // The proxy hung up: whether it should have is for the test to say.
      if (!(error instanceof EndedError)) this.failures.push(error)
    }
  }
}

/** Where nothing listens: ports that no kernel gives away, unlike those of servers that were closed a moment ago. */
export const DEAD = ['127.0.0.1:1', '127.0.0.1:2'] as const

/** A response with a length. */
export const reply = (body: string, fields = '', status = '200 OK'): string =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`

/** A response in chunks. */
export const CHUNKED_HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
