import {
  Deadlines,
  DEFAULT_H1_LIMITS,
  DEFAULT_H2_LIMITS,
  DEFAULT_MAX_IDLE,
  UpstreamPools,
  type H1Limits,
  type H2Limits,
  type Refusal,
  type RequestHandler,
  type RequestHead,
  type ServerStream,
} from '@sekisho/wire'
import { Exchange } from './exchange/exchange.ts'
import type { ProxyLogger, ProxyRuntime } from './exchange/options.ts'
import { renderJsonError, type ErrorRenderer, type LocalResponse } from './exchange/reply.ts'
import { begin } from './exchange/request-stage.ts'
import { jsonLogger } from './json-logger.ts'
import { Resolver } from './peers/resolver.ts'
import type { ProxyPhases } from './phases/phases.ts'
import { ProxyListener, type ServeOptions } from './proxy-listener.ts'
import type { Application, ListenTarget, ServingListener } from './server/application.ts'

/** What holds for all requests of one proxy in one thread; each has a default. */
export interface HttpProxyOptions {
  /** What a client may make grow; what is left out keeps its default. */
  readonly limits?: Partial<H1Limits>
  /** The same for what only HTTP/2 knows. */
  readonly h2Limits?: Partial<H2Limits>
  /** Attempts after the first one, at most. Default 3. */
  readonly maxRetries?: number
  /** Idle upstream connections kept in each thread, over all peers. Default 1,024. */
  readonly maxIdleUpstreamConnections?: number
  /** How long no connection is reused to an upstream that sent bytes nobody asked for; 0 = no time. Default 60 s. */
  readonly distrustMs?: number
  /**
   * Protocols that clients may switch to (`Upgrade`). Default: WebSocket alone, as behind `h2c` a client could speak HTTP/2 past all that
   * phases look at.
   */
  readonly upgrades?: readonly string[] | 'any'
  /** Default: one JSON line each on standard error, refused requests and lost clients left out. */
  readonly logger?: ProxyLogger
  /** The body of error responses. Default: JSON. */
  readonly renderError?: ErrorRenderer
  /** How names of upstreams become addresses. Default: the system's resolver. */
  readonly resolver?: Resolver
  /** Told about requests that were refused before they became a session. */
  readonly onRefused?: (stream: ServerStream, reason: Refusal) => void
  /** Connections to upstreams. Default: real ones; tests bring others. */
  readonly pools?: UpstreamPools
  /** The time limits of this thread. Default: some of its own; proxies of one thread may share them, and tests bring a clock. */
  readonly deadlines?: Deadlines
}

const DEFAULT_MAX_RETRIES = 3

/** A proxy: what serves listeners, and in between calls the phases. One per thread. */
export class HttpProxy<Ctx> implements Application, RequestHandler {
  /** What its exchanges share. */
  readonly runtime: ProxyRuntime<Ctx>
  /** Client connections open in this thread. */
  connectionCount = 0
  /** Listeners that have not been drained. */
  private serving = 0
  private readonly onRefusedRequest: HttpProxyOptions['onRefused']

  constructor(phases: ProxyPhases<Ctx>, options: HttpProxyOptions = {}) {
    const deadlines = options.deadlines ?? new Deadlines()
    const limits: H1Limits = { ...DEFAULT_H1_LIMITS, ...options.limits }
    const h2Limits: H2Limits = { ...DEFAULT_H2_LIMITS, ...options.h2Limits }
    this.onRefusedRequest = options.onRefused
    const logger = options.logger ?? jsonLogger
    this.runtime = {
      phases,
      deadlines,
      limits,
      h2Limits,
      pools:
        options.pools ??
        new UpstreamPools({
          deadlines,
          limits,
          h2Limits,
          maxIdle: options.maxIdleUpstreamConnections ?? DEFAULT_MAX_IDLE,
          onDistrust: (peer) =>
            logger.warn(
              { peer },
              `${peer} sent bytes that nobody asked for: its connections are not reused for a while`,
            ),
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
  async serve(target: ListenTarget, options: ServeOptions = {}): Promise<ServingListener> {
    this.serving++
    try {
      return await ProxyListener.listen(target, options, this, this.runtime, this.drained)
    } catch (error) {
      this.serving--
      throw error
    }
  }

  /** Nobody is left to use the idle upstream connections, and they would keep the process alive. */
  private readonly drained = (): void => {
    if (--this.serving === 0) this.runtime.pools.closeIdle()
  }

  onRequest(stream: ServerStream, head: RequestHead): void {
    const exchange = new Exchange(this.runtime, stream, head)
    stream.exchange = exchange
    begin(exchange)
  }

  onRefused(stream: ServerStream, reason: Refusal): void {
    this.runtime.logger.info(
      { code: reason.code, client: stream.client.remoteAddress },
      `refused a request: ${reason.message}`,
    )
    let page: LocalResponse
    try {
      this.onRefusedRequest?.(stream, reason)
      page = this.runtime.renderError(reason.status, reason.code)
    } catch (err) {
      this.runtime.logger.error({ err }, 'onRefused or renderError failed')
      page = renderJsonError(reason.status, reason.code)
    }
    stream.sendResponse(page.head, page.body)
  }

  onOpened(): void {
    this.connectionCount++
  }

  onClosed(): void {
    this.connectionCount--
  }
}

/** Makes a proxy from its phases; only `upstreamPeer` is required. */
export function httpProxy<Ctx = undefined>(phases: ProxyPhases<Ctx>, options?: HttpProxyOptions): HttpProxy<Ctx> {
  return new HttpProxy(phases, options)
}
