/** What a stranger can make grow on one connection, of HTTP/1.1 or HTTP/2, and how far. Sizes in bytes, times in milliseconds, 0 = no limit. */
export interface H1Limits {
  /** Request line, fields and the empty line together; more is answered 431. */
  readonly maxHeadBytes: number
  /** Fields of one head; more is answered 431. */
  readonly maxHeaderCount: number
  /** Bytes of the request target; more is answered 414. */
  readonly maxTargetLength: number
  /** Body of one request; more is answered 413. */
  readonly maxBodyBytes: number
  /** From the first byte of a head (on a new connection: from its start) to its end; then 408. */
  readonly headerTimeoutMs: number
  /** Between two reads of a request body, and between two writes a client must make room for; then 408 or a cut. */
  readonly bodyTimeoutMs: number
  /** How long an idle connection is kept open for a next request. */
  readonly keepAliveTimeoutMs: number
  /** After so many requests the connection is closed. */
  readonly maxRequestsPerConnection: number
  /** Open connections of one listener of one worker; further ones are closed as they are accepted. */
  readonly maxConnections: number
}

export const DEFAULT_H1_LIMITS: H1Limits = {
  maxHeadBytes: 32_768,
  maxHeaderCount: 128,
  maxTargetLength: 8_192,
  maxBodyBytes: 0,
  headerTimeoutMs: 60_000,
  bodyTimeoutMs: 60_000,
  keepAliveTimeoutMs: 75_000,
  maxRequestsPerConnection: 0,
  maxConnections: 65_536,
}
