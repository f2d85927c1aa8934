/** How connections to one peer are kept. */
export interface KeepAlive {
  /** Idle connections kept for this peer; 0 = none is reused. */
  readonly maxIdle: number
  /** How long one may be idle, in ms; 0 = as long as the peer lets it. */
  readonly idleTimeoutMs: number
  /** After so many requests a connection is closed; 0 = no limit. */
  readonly maxRequests: number
}

export const DEFAULT_KEEP_ALIVE: KeepAlive = { maxIdle: 320, idleTimeoutMs: 60_000, maxRequests: 1_000 }
