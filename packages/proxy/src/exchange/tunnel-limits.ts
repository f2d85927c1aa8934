/** What holds for a connection that switched protocols (`session.limitTunnel`). 0 = no limit. */
export interface TunnelLimits {
  /** It ends after so long without a byte in either direction. */
  readonly idleTimeoutMs: number
  /** WebSocket alone: a message with more bytes ends it. */
  readonly maxMessageBytes: number
}

/** As long as nginx's and Envoy's longest usual setting: a client that went away without a word does not hold two connections for ever. */
export const DEFAULT_TUNNEL_LIMITS: TunnelLimits = { idleTimeoutMs: 3_600_000, maxMessageBytes: 0 }
