import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TEXT_FORMAT_TYPE } from './text-format.ts'

/** Scrapers are few; what is above is closed on accept. */
const MAX_CONNECTIONS = 64

/** For a whole request, headers included: a scrape is one short GET. */
const REQUEST_TIMEOUT_MS = 10_000

/** A scrape interval is usually 15 s: one connection serves all scrapes. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000

export interface MetricsServerOptions {
  /** Where to listen: an address (port 0 picks a free one; see `address`), or a descriptor that is bound already. */
  readonly target:
    | { readonly fd: number }
    | { readonly host: string; readonly port: number }
    | { readonly path: string }
  readonly render: () => string
  /** Whether the node serves: all workers have their configuration. */
  readonly ready: () => boolean
}

/**
 * What operators and orchestrators ask the node, on an address of its own: `/metrics` (and `/apisix/prometheus/metrics`),
 * `/status` (200 while the control thread runs), `/status/ready` (200 or 503). Everything else is a 404.
 */
export class MetricsServer {
  readonly #options: MetricsServerOptions
  readonly #server: Server

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

  /** Stops listening and closes every connection. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
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
      if (this.#options.ready()) send(response, 200, 'application/json', '{"status":"ok"}\n')
      else
        send(
          response,
          503,
          'application/json',
          '{"status":"error","error":"not all workers have their configuration"}\n',
        )
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
