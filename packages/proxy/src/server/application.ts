import type { AddressInfo } from 'node:net'

/**
 * Where an application listens. Each shape can be handed to `net.Server.listen()` as it is: a descriptor that was bound
 * elsewhere (the rule in a worker), an address of its own (inline mode), or the path of a Unix socket (inline mode).
 */
export type ListenTarget = { fd: number } | { host: string; port: number; ipv6Only?: boolean } | { path: string }

/** What serves a listener within one thread. `httpProxy()` returns one; a codec, or a test, may be another. */
export interface Application {
  /**
   * Starts accepting. Resolves when the listener is open, rejects when it cannot be opened.
   * `options` is what was given to `Server.listen()`, TLS settings for example; its shape is the application's affair.
   */
  serve(listener: ListenTarget, options?: unknown): Promise<ServingListener>
}

/** A listener that an application is serving. */
export interface ServingListener {
  /** The real address, port included; the path for a Unix socket. */
  readonly address: AddressInfo | string
  /** Connections open now. */
  readonly connections: number
  /**
   * Stops accepting and closes the descriptor. Open connections stay; an idle one must not be closed under a client that
   * may be sending its next request at this moment: it gets its answer, with `connection: close`.
   */
  stopAccepting(): void
  /**
   * Resolves when the last exchange ended and its bytes left; what is open after `deadlineMs` milliseconds is cut.
   * Returns how many connections were cut in the middle of an exchange.
   */
  drain(deadlineMs: number): Promise<number>
}

/** A listener as everyone but the application sees it. */
export interface ListenerInfo {
  /** The address as it is written in one canonical way: `*:8080`, `127.0.0.1:0`, `[::1]:80`, `unix:/run/x.sock`. */
  readonly key: string
  /** The real address, with the port that the kernel chose for port 0. */
  readonly address: AddressInfo | string
}

/** `host:port` with brackets around IPv6, or the path: for logs and messages. */
export function formatAddress(address: AddressInfo | string): string {
  if (typeof address === 'string') return `unix:${address}`
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`
}
