import type { AddressInfo } from 'node:net'
import {
  ClientEnd,
  Deadlines,
  DEFAULT_H1_LIMITS,
  H1ServerConnection,
  Headers,
  Listener,
  ResponseHead,
  statusText,
  type H1Limits,
  type ListenTarget,
  type RequestHandler,
  type ServerConnection,
  type ServerConnectionOptions,
} from '@sekisho/wire'
import { HttpExchange, type HttpHandler } from './http-exchange.ts'

/**
 * Serves a handler over HTTP/1.1 on the codec of the gateway: an invocation costs three requests in this process, and `node:http` takes
 * three times as long for each.
 */
export class HttpListener {
  private readonly listener: Listener
  private readonly options: ServerConnectionOptions
  private readonly open: OpenConnections
  private graceTimer: NodeJS.Timeout | undefined

  private constructor(listener: Listener, options: ServerConnectionOptions, open: OpenConnections) {
    this.listener = listener
    this.options = options
    this.open = open
  }

  /** Rejects when the address cannot be bound. */
  static async listen(
    target: ListenTarget,
    handler: HttpHandler,
    limits: Partial<H1Limits> = {},
  ): Promise<HttpListener> {
    const deadlines = new Deadlines()
    const open = new OpenConnections()
    const options: ServerConnectionOptions = {
      handler: requestHandler(handler),
      limits: { ...DEFAULT_H1_LIMITS, ...limits },
      deadlines,
      draining: false,
    }
    const listener = await Listener.listen(target, {
      maxConnections: options.limits.maxConnections,
      deadlines,
      open: (socket, info) => {
        const connection = new H1ServerConnection(socket, options, new ClientEnd(socket, info))
        open.add(connection)
        socket.once('close', () => open.remove(connection))
        return connection
      },
    })
    return new HttpListener(listener, options, open)
  }

  get port(): number {
    const { address } = this.listener
    return typeof address === 'string' ? 0 : (address satisfies AddressInfo).port
  }

  /** Closes the listening socket; what was begun is answered, then its connection closes. */
  drain(): void {
    this.options.draining = true
    this.listener.stopAccepting()
    for (const connection of this.open) connection.drain()
  }

  /** Drains; resolves when all connections have been closed. Those that are open after `graceMs` are cut. */
  async shutdown(graceMs: number): Promise<void> {
    this.drain()
    if (this.open.size === 0) return
    await new Promise<void>((resolve) => {
      this.open.onEmpty = resolve
      this.graceTimer = setTimeout(() => this.close(), graceMs)
    })
    clearTimeout(this.graceTimer)
  }

  close(): void {
    this.drain()
    for (const connection of this.open) connection.destroy()
  }
}

class OpenConnections extends Set<ServerConnection> {
  onEmpty: () => void = () => {}

  remove(connection: ServerConnection): void {
    this.delete(connection)
    if (this.size === 0) this.onEmpty()
  }
}

/** Bridges the codec's callbacks and a handler of whole requests. */
export function requestHandler(handler: HttpHandler): RequestHandler {
  return {
    onRequest: (stream, head) => {
      const exchange = new HttpExchange(stream, head, handler)
      stream.exchange = exchange
      exchange.begin()
    },
    onRefused: (stream, { status, message }) => {
      const body = `${status} ${statusText(status)}: ${message}\n`
      const headers = Headers.from({ 'content-type': 'text/plain', 'content-length': String(body.length) })
      stream.sendResponse(new ResponseHead(status, statusText(status), headers, body.length), body)
    },
  }
}
