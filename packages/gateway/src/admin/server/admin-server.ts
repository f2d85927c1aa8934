import { createServer, type Server } from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createAdminApp } from '../admin-app.ts'
import type { AdminOptions } from '../admin-options.ts'
import { type AdminTls, readTls } from './admin-tls.ts'

/** Operators, their scripts and dashboards; what is above is closed on accept. */
const MAX_CONNECTIONS = 256

/** For the head of a request. */
const HEADERS_TIMEOUT_MS = 10_000

/** For a whole request: 64 MiB of a document at 1 MiB/s. */
const REQUEST_TIMEOUT_MS = 64_000

const KEEP_ALIVE_TIMEOUT_MS = 65_000

/** For requests that are being answered when the node stops. */
const CLOSE_TIMEOUT_MS = 1_000

/** `?url=` of `/explain`, and keys, are short. */
const MAX_HEADER_BYTES = 16_384

export interface AdminServerOptions extends AdminOptions {
  /** An address (port 0 picks a free one), or a descriptor that is bound already. */
  readonly target:
    | { readonly fd: number }
    | { readonly host: string; readonly port: number }
    | { readonly path: string }
  readonly tls?: AdminTls | undefined
}

/** The Admin API on a socket. */
export class AdminServer {
  readonly #options: AdminServerOptions
  readonly #server: Server | SecureServer

  /** @throws Error when certificate or key cannot be read */
  constructor(options: AdminServerOptions) {
    this.#options = options
    const app = createAdminApp(options)
    const limits = {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    }
    const listener = getRequestListener(app.fetch, {
      overrideGlobalObjects: false,
      errorHandler: (err) => {
        // What node-server itself refuses, as a Host field that is none.
        options.logger.warn({ err }, 'a request to the Admin API was refused')
        return new Response('{"error_msg":"the request cannot be read"}\n', {
          status: 400,
          headers: { 'content-type': 'application/json' },
        })
      },
    })
    const answer = (...args: Parameters<typeof listener>): void => void listener(...args)
    this.#server =
      options.tls === undefined
        ? createServer(limits, answer)
        : createSecureServer({ ...limits, ...readTls(options.tls) }, answer)
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
    if (address === null || typeof address === 'string') throw new Error('the Admin API does not listen')
    return address
  }

  /** Reads certificate and key anew. @throws Error when they cannot be; the old ones stay. */
  reloadTls(): void {
    const { tls } = this.#options
    if (tls !== undefined && 'setSecureContext' in this.#server) this.#server.setSecureContext(readTls(tls))
  }

  /** Stops listening. A write that is on its way may finish; streams of events do not end by themselves. */
  close(): Promise<void> {
    const cut = setTimeout(() => this.#server.closeAllConnections(), CLOSE_TIMEOUT_MS)
    return new Promise((resolve) => {
      this.#server.close(() => {
        clearTimeout(cut)
        resolve()
      })
      this.#server.closeIdleConnections()
    })
  }
}
