/** What a peer can make grow on one HTTP/2 connection, beyond what holds for heads and bodies of either version. */
export interface H2Limits {
  /** Streams that a client may have open at a time; further ones are refused (RFC 9113 section 5.1.2). */
  readonly maxConcurrentStreams: number
  /** Bytes of a body that a peer may send on one stream before somebody takes them. */
  readonly streamWindow: number
  /** The same for all streams of a client's connection. */
  readonly connectionWindow: number
}

/**
 * Windows: what is in flight on a network of 1 ms round trip at 2 Gbit/s is 256 KiB; over loopback 1 MB bodies are 3% faster with it than with
 * 64 KiB, and no faster with 1 MiB. A client's connection holds 1 MiB at most for uploads that nobody takes.
 */
export const DEFAULT_H2_LIMITS: H2Limits = {
  maxConcurrentStreams: 128,
  streamWindow: 262_144,
  connectionWindow: 1_048_576,
}

/**
 * Added to the window of each stream. Bodies have round lengths and so have windows; Node.js 20, as client and as server, whose last byte fills
 * the window to the brim does not send the empty DATA that ends the stream, but RST_STREAM.
 */
export const ODD_BYTE = 1
