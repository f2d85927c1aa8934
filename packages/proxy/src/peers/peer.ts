import { isIP } from 'node:net'
import {
  DEFAULT_KEEP_ALIVE,
  poolKey,
  type KeepAlive,
  type StreamTimeouts,
  type UpstreamAddress,
  type UpstreamProtocol,
  type UpstreamTls,
} from '@sekisho/wire'
import type { Backend } from '../balancing/index.ts'
import { parseAddress } from '../balancing/address.ts'
import { ProxyError } from '../proxy-error.ts'

/** How one peer is talked to. Times in milliseconds; 0 = no limit. */
export interface PeerOptions {
  /** TLS; true for the defaults (verified against the system's roots, by host name). */
  readonly tls?: boolean | UpstreamTls
  /** Server name for TLS: sent and verified. Short for `tls: { serverName }`. */
  readonly sni?: string
  /** `h2` for HTTP/2 (gRPC): by ALPN with TLS, with prior knowledge without. Default `http/1.1`. */
  readonly protocol?: UpstreamProtocol
  /** Until the connection is there, TLS included. Default 10 s. */
  readonly connectTimeoutMs?: number
  /**
   * From the request's end to the response's head, and in HTTP/1 between two reads of the response. Default 60 s. Behind the head of a response
   * in HTTP/2 it is `quietTimeoutMs` that runs.
   */
  readonly readTimeoutMs?: number
  /** Between two writes that the peer must make room for. Default 60 s. */
  readonly writeTimeoutMs?: number
  /**
   * Between two pieces of a response body in HTTP/2, where PING tells a quiet stream from a dead peer. Default 0: no limit, and for a gRPC call
   * none until its head either: many servers send that with the first message.
   */
  readonly quietTimeoutMs?: number
  /** How idle connections are kept. Default: 320 of them, for 60 s each, and 1,000 requests on one; in HTTP/2 any number of requests. */
  readonly keepAlive?: Partial<KeepAlive>
  /** Connections are only shared within a group: for tenants that must not meet. */
  readonly group?: string
  /** Local address to connect from. */
  readonly localAddress?: string
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000
const DEFAULT_IO_TIMEOUT_MS = 60_000
/** An HTTP/2 connection carries so many requests at a time that counting them says nothing about its age. */
const H2_KEEP_ALIVE: KeepAlive = { ...DEFAULT_KEEP_ALIVE, maxRequests: 0 }

/** Where a request goes. Made once per node where the configuration is known, or per request in a small program. */
export class Peer implements StreamTimeouts {
  /** Name or IP address, without brackets; the path of a unix socket when `port` is 0. */
  readonly host: string
  readonly port: number
  readonly tls: UpstreamTls | undefined
  readonly protocol: UpstreamProtocol
  readonly connectTimeoutMs: number
  readonly readTimeoutMs: number
  readonly writeTimeoutMs: number
  readonly quietTimeoutMs: number
  readonly keepAlive: KeepAlive
  /** The balancer's node, when it came from one: told about in `session.tried`. */
  readonly backend: Backend | undefined
  private readonly needsName: boolean
  private readonly group: string
  private readonly localAddress: string | undefined
  /** The last address used and its pool key: a peer's address changes rarely, its key is not made per request. */
  private known: { readonly address: UpstreamAddress; readonly key: string } | undefined

  constructor(host: string, port: number, options: PeerOptions, backend?: Backend) {
    this.host = host
    this.port = port
    this.backend = backend
    this.tls = tlsOf(options)
    this.connectTimeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS
    this.readTimeoutMs = options.readTimeoutMs ?? DEFAULT_IO_TIMEOUT_MS
    this.writeTimeoutMs = options.writeTimeoutMs ?? DEFAULT_IO_TIMEOUT_MS
    this.quietTimeoutMs = options.quietTimeoutMs ?? 0
    this.protocol = options.protocol ?? 'http/1.1'
    const keepAlive = this.protocol === 'h2' ? H2_KEEP_ALIVE : DEFAULT_KEEP_ALIVE
    this.keepAlive = options.keepAlive === undefined ? keepAlive : { ...keepAlive, ...options.keepAlive }
    this.group = options.group ?? ''
    this.localAddress = options.localAddress
    this.needsName = port !== 0 && isIP(host) === 0
    if (!this.needsName) this.resolveTo(host)
  }

  /** `host:port` as it is written in logs and in a Host field. */
  get name(): string {
    if (this.port === 0) return this.host
    return this.host.includes(':') ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`
  }

  /** The address to connect to, with the key of its pool, if no name has to be resolved. */
  get resolved(): { readonly address: UpstreamAddress; readonly key: string } | undefined {
    return this.needsName ? undefined : this.known
  }

  /** The same for an address that the name was resolved to. */
  resolveTo(ip: string): { readonly address: UpstreamAddress; readonly key: string } {
    if (this.known?.address.host === ip) return this.known
    const address: UpstreamAddress = {
      host: ip,
      port: this.port,
      name: this.host,
      tls: this.tls,
      localAddress: this.localAddress,
      group: this.group,
      protocol: this.protocol,
    }
    return (this.known = { address, key: poolKey(address) })
  }
}

/**
 * The peer for a node of a balancer or an address (`host:port`, `[v6]:port`, `unix:/path`). Without a node (a balancer that has
 * none left returns undefined) the request ends with 503.
 */
export function peer(target: Backend | string | undefined, options: PeerOptions = {}): Peer {
  if (target === undefined) throw new ProxyError('NO_UPSTREAM', 'upstream', 503, 'no upstream node is available')
  const defaultPort = options.tls ? 443 : 80
  if (typeof target !== 'string') {
    return new Peer(target.host, target.host.startsWith('/') ? 0 : target.port || defaultPort, options, target)
  }
  const { host, port } = parseAddress(target, [])
  return new Peer(host, host.startsWith('/') ? 0 : port || defaultPort, options)
}

function tlsOf(options: PeerOptions): UpstreamTls | undefined {
  if (options.tls === undefined || options.tls === false) return undefined
  const tls = options.tls === true ? {} : options.tls
  return options.sni === undefined ? tls : { ...tls, serverName: options.sni }
}
