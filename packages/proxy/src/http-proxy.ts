import {
  ConnectionPool,
  Deadlines,
  DEFAULT_H1_LIMITS,
  DEFAULT_MAX_IDLE,
  H1ServerConnection,
  Listener,
  type H1Limits,
  type ListenerTls,
  type Refusal,
  type RequestHandler,
  type RequestHead,
  type ServerConnectionOptions,
} from '@sekisho/wire'
import { Exchange } from './exchange/exchange.ts'
import type { ProxyLogger, ProxyRuntime } from './exchange/options.ts'
import { renderJsonError, type ErrorRenderer, type LocalResponse } from './exchange/reply.ts'
import { begin } from './exchange/request-stage.ts'
import { Resolver } from './peers/resolver.ts'
import type { ProxyPhases } from './phases/phases.ts'
import type { Application, ListenTarget, ServingListener } from './server/application.ts'

export interface HttpProxyOptions {
  /** What a client may make grow; what is left out keeps its default. */
  readonly limits?: Partial<H1Limits>
  /** Attempts after the first one, at most. Default 3. */
  readonly maxRetries?: number
  /** Idle upstream connections kept in each thread, over all peers. */
  readonly maxIdleUpstreamConnections?: number
  /** How long no connection is reused to an upstream that sent bytes nobody asked for; 0 = no time. Default 60 s. */
  readonly distrustMs?: number
  /**
   * Protocols that clients may switch to (`Upgrade`). Default: WebSocket alone, as behind `h2c` a client could speak HTTP/2 past all that
   * phases look at.
   */
  readonly upgrades?: readonly string[] | 'any'
  readonly logger?: ProxyLogger
  /** The body of error responses. Default: JSON. */
  readonly renderError?: ErrorRenderer
  readonly resolver?: Resolver
  /** Told about requests that were refused before they became a session. */
  readonly onRefused?: (connection: H1ServerConnection, reason: Refusal) => void
  readonly deadlines?: Deadlines
}

/** What a listener may be told: `new Server().listen({ address, options })`. */
export interface ServeOptions {
  readonly tls?: ListenerTls
}

const DEFAULT_MAX_RETRIES = 3

/** A proxy: what serves listeners, and in between calls the phases. One per thread. */
export class HttpProxy<Ctx> implements Application, RequestHandler {
  readonly runtime: ProxyRuntime<Ctx>
  /** Client connections open in this thread. */
  connectionCount = 0
  /** Listeners that have not been drained. */
  private serving = 0
  private readonly onRefusedRequest: HttpProxyOptions['onRefused']

  constructor(phases: ProxyPhases<Ctx>, options: HttpProxyOptions = {}) {
    const deadlines = options.deadlines ?? new Deadlines()
    const limits: H1Limits = { ...DEFAULT_H1_LIMITS, ...options.limits }
    this.onRefusedRequest = options.onRefused
    const logger = options.logger ?? stderrLogger
    this.runtime = {
      phases,
      deadlines,
      limits,
      pool: new ConnectionPool({
        deadlines,
        limits,
        maxIdle: options.maxIdleUpstreamConnections ?? DEFAULT_MAX_IDLE,
        onDistrust: (peer) =>
          logger.warn({ peer }, `${peer} sent bytes that nobody asked for: its connections are not reused for a while`),
        ...(options.distrustMs === undefined ? {} : { distrustMs: options.distrustMs }),
      }),
      resolver: options.resolver ?? new Resolver(),
      logger,
      renderError: options.renderError ?? renderJsonError,
      upgrades: options.upgrades ?? ['websocket'],
      maxRetries: options.maxRetries ?? DEFAULT_MAX_RETRIES,
    }
  }

  /** @param options `tls` makes it a TLS listener */
  async serve(target: ListenTarget, { tls }: ServeOptions = {}): Promise<ServingListener> {
    const { limits, deadlines } = this.runtime
    const options: ServerConnectionOptions = { handler: this, limits, deadlines, draining: false }
    const own = new Set<H1ServerConnection>()
    const listener = await Listener.listen(target, {
      maxConnections: limits.maxConnections,
      ...(tls === undefined ? {} : { tls }),
      open: (socket) => {
        const connection = new H1ServerConnection(socket, options)
        own.add(connection)
        socket.once('close', () => own.delete(connection))
        return connection
      },
      onOverload: () =>
        this.runtime.logger.warn({ limit: limits.maxConnections }, 'max_connections reached: a connection was closed'),
    })
    this.serving++
    return new ProxyListener(listener, own, options, this.drained)
  }

  /** Nobody is left to use the idle upstream connections, and they would keep the process alive. */
  private readonly drained = (): void => {
    if (--this.serving === 0) this.runtime.pool.closeIdle()
  }

  onRequest(connection: H1ServerConnection, head: RequestHead): void {
    const exchange = new Exchange(this.runtime, connection, head)
    connection.exchange = exchange
    begin(exchange)
  }

  onRefused(connection: H1ServerConnection, reason: Refusal): void {
    this.runtime.logger.info(
      { code: reason.code, client: connection.remoteAddress },
      `refused a request: ${reason.message}`,
    )
    let page: LocalResponse
    try {
      this.onRefusedRequest?.(connection, reason)
      page = this.runtime.renderError(reason.status, reason.code)
    } catch (err) {
      this.runtime.logger.error({ err }, 'onRefused or renderError failed')
      page = renderJsonError(reason.status, reason.code)
    }
    connection.sendResponse(page.head, page.body)
  }

  onOpened(): void {
    this.connectionCount++
  }

  onClosed(): void {
    this.connectionCount--
  }
}

class ProxyListener implements ServingListener {
  private readonly listener: Listener
  private readonly open: ReadonlySet<H1ServerConnection>
  private readonly options: ServerConnectionOptions
  private readonly drained: () => void
  private reported = false

  constructor(
    listener: Listener,
    open: ReadonlySet<H1ServerConnection>,
    options: ServerConnectionOptions,
    drained: () => void,
  ) {
    this.listener = listener
    this.open = open
    this.options = options
    this.drained = drained
  }

  get address(): ServingListener['address'] {
    return this.listener.address
  }

  get connections(): number {
    return this.open.size
  }

  stopAccepting(): void {
    this.listener.stopAccepting()
    this.options.draining = true
    for (const connection of this.open) connection.drain()
  }

  drain(deadlineMs: number): Promise<number> {
    return this.finish(deadlineMs).finally(() => {
      if (!this.reported) this.drained()
      this.reported = true
    })
  }

  private finish(deadlineMs: number): Promise<number> {
    this.options.draining = true
    for (const connection of this.open) connection.drain()
    return new Promise((resolve) => {
      const cut = setTimeout(() => {
        const left = [...this.open].filter((connection) => !connection.idle)
        for (const connection of this.open) connection.destroy()
        resolve(left.length)
      }, deadlineMs)
      const check = (): void => {
        if (this.open.size > 0) return
        clearTimeout(cut)
        resolve(0)
      }
      for (const connection of this.open) connection.socket.once('close', () => setImmediate(check))
      check()
    })
  }
}

/** Makes a proxy from its phases; only `upstreamPeer` is required. */
export function httpProxy<Ctx = undefined>(phases: ProxyPhases<Ctx>, options?: HttpProxyOptions): HttpProxy<Ctx> {
  return new HttpProxy(phases, options)
}

const line = (level: string, fields: object, message: string): void => {
  const { err, ...rest } = fields as { err?: unknown }
  const stack = err instanceof Error ? { err: err.stack } : {}
  process.stderr.write(
    JSON.stringify({ level, time: new Date().toISOString(), msg: message, ...rest, ...stack }) + '\n',
  )
}

/** Without a logger of the program's own: one JSON line each on standard error, refused requests and lost clients left out. */
const stderrLogger: ProxyLogger = {
  error: (fields, message) => line('error', fields, message),
  warn: (fields, message) => line('warn', fields, message),
  info: () => undefined,
}
