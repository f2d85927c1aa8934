/** How etcd is reached. */
export interface EtcdClientOptions {
  /** `http://host:port`, `https://host:port` (TLS) or `host:port`. Tried in turn; the one that answers is kept. */
  readonly endpoints: readonly string[]
  /** With `password`: etcd's own users. */
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly tls?: EtcdTls | undefined
  /** How long one request may take, with all attempts at all endpoints. */
  readonly requestTimeoutMs?: number | undefined
}

/** PEM texts. */
export interface EtcdTls {
  /** Who may sign etcd's certificate; left out: whom Node.js trusts. */
  readonly ca?: string | undefined
  /** The node's own certificate and key, where etcd asks for one. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** The name in etcd's certificate, where it is not the host of the endpoint. */
  readonly serverName?: string | undefined
}

export const DEFAULT_REQUEST_TIMEOUT_MS = 5_000
/** Of one attempt, where there is another endpoint to try. A healthy etcd answers in milliseconds. */
export const ATTEMPT_TIMEOUT_MS = 2_000
/** Of what carries megabytes: a page of documents, a batch of writes. */
export const BULK_TIMEOUT_MS = 15_000
/** Between rounds over all endpoints. */
export const ROUND_PAUSE_MS = 100
/** As etcd itself sends and takes by default, with room for its envelope; what does not fit is read in smaller pages. */
export const MAX_RESPONSE_BYTES = 64 * 1024 * 1024
/** etcd closes connections that are pinged more often than every 5 s (`--grpc-keepalive-min-time`). */
export const KEEPALIVE_TIME_MS = 6_000
/** Longer than a thread that checks a large configuration is deaf: the library counts time. See HEARTBEAT_MS for what counts beats. */
export const KEEPALIVE_TIMEOUT_MS = 10_000
/** More would be a mistake in the configuration: a cluster has 3, 5 or 7 members. */
export const MAX_ENDPOINTS = 32
