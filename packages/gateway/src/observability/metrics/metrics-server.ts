import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TEXT_FORMAT_TYPE } from './text-format.ts'

/** Scrapers are few; what is above is closed on accept. */
const MAX_CONNECTIONS = 64

/** For a whole request, headers included: a scrape is one short GET. */
const REQUEST_TIMEOUT_MS = 10_000

/** A scrape interval is usually 15 s: one connection serves all scrapes. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000

/** For an answer to leave when the server is closed. */
const CLOSE_TIMEOUT_MS = 1_000

export interface MetricsServerOptions {
  /** Where to listen: an address (port 0 picks a free one; see `address`), or a descriptor that is bound already. */
  readonly target:
    | { readonly fd: number }
    | { readonly host: string; readonly port: number }
    | { readonly path: string }
  readonly render: () => string
  /** Why the node should not be sent anything; undefined: it is ready, all workers have their configuration. */
  readonly unready: () => string | undefined
}

/**
 * What operators and orchestrators ask the node, on an address of its own: `/metrics` (and `/apisix/prometheus/metrics`),
 * `/status` (200 while the control thread runs), `/status/ready` (200 or 503). Everything else is a 404.
 */
export class MetricsServer {
  readonly #options: MetricsServerOptions
  readonly #server: Server
  #closed: Promise<void> | undefined

  constructor(options: MetricsServerOptions) {
    this.#options = options
    // node:http is good enough here: this is not the data path.
    this.#server = createServer(
      { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
      (request, response) => this.#answer(request, response),
    )
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS
  }

  /** Rejects with the system's error when the address cannot be bound. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#options.target, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  /** What it listens on. Throws before `listen` has resolved. */
  get address(): AddressInfo {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the metrics server does not listen')
    return address
  }

  /** Stops listening and closes every connection; an answer that is on its way still has a moment. */
  close(): Promise<void> {
    return (this.#closed ??= new Promise((resolve) => {
      const cut = setTimeout(() => this.#server.closeAllConnections(), CLOSE_TIMEOUT_MS)
      this.#server.close(() => {
        clearTimeout(cut)
        resolve()
      })
      this.#server.closeIdleConnections()
    }))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url?.split('?', 1)[0]
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      send(response, 405, 'application/json', '{"error_msg":"only GET and HEAD are allowed"}\n')
    } else if (path === '/metrics' || path === '/apisix/prometheus/metrics') {
      send(response, 200, TEXT_FORMAT_TYPE, this.#options.render())
    } else if (path === '/status') {
      send(response, 200, 'application/json', '{"status":"ok"}\n')
    } else if (path === '/status/ready') {
      const error = this.#options.unready()
      if (error === undefined) send(response, 200, 'application/json', '{"status":"ok"}\n')
      else send(response, 503, 'application/json', `${JSON.stringify({ status: 'error', error })}\n`)
    } else {
      send(response, 404, 'application/json', '{"error_msg":"404 Not Found"}\n')
    }
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
}
