import type { Refusal } from './streams/refusal.ts'

/**
 * What went wrong between us and a peer. A code answers the three questions that policy needs (Pingora's): what happened, whose
 * fault it is, and with `reached` whether the peer may have seen the request.
 */
export type TransportCode =
  | 'CONNECT_REFUSED'
  | 'CONNECT_TIMEOUT'
  | 'CONNECT_FAILED'
  | 'NAME_NOT_RESOLVED'
  | 'TLS_HANDSHAKE'
  | 'TLS_CERTIFICATE'
  | 'RESET'
  | 'STREAM_REFUSED'
  | 'STREAM_RESET'
  | 'CLOSED_BEFORE_RESPONSE'
  | 'BODY_CUT'
  | 'READ_TIMEOUT'
  | 'WRITE_TIMEOUT'
  | 'BAD_RESPONSE'
  | 'CLIENT_GONE'

export class TransportError extends Error {
  readonly code: TransportCode
  /** Set for BAD_RESPONSE: which rule the bytes broke. */
  readonly refusal: Refusal | undefined

  constructor(code: TransportCode, message: string, options?: { cause?: unknown; refusal?: Refusal }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TransportError'
    this.code = code
    this.refusal = options?.refusal
  }

  /** No byte of the request can have reached the peer. */
  get beforeConnect(): boolean {
    return BEFORE_CONNECT.has(this.code)
  }

  /** The peer said, or the protocol does, that it has not looked at the request: it may be sent again whatever it is (RFC 9113 section 8.7). */
  get unprocessed(): boolean {
    return this.code === 'STREAM_REFUSED'
  }

  get timeout(): boolean {
    return this.code === 'CONNECT_TIMEOUT' || this.code === 'READ_TIMEOUT' || this.code === 'WRITE_TIMEOUT'
  }
}

const BEFORE_CONNECT: ReadonlySet<TransportCode> = new Set([
  'CONNECT_REFUSED',
  'CONNECT_TIMEOUT',
  'CONNECT_FAILED',
  'NAME_NOT_RESOLVED',
  'TLS_HANDSHAKE',
  'TLS_CERTIFICATE',
] as const)

/** The code for what `net` or `tls` reported while connecting. */
export function connectError(peer: string, cause: NodeJS.ErrnoException): TransportError {
  const reason = cause.code ?? cause.message
  if (reason === 'ECONNREFUSED')
    return new TransportError('CONNECT_REFUSED', `${peer} refused the connection`, { cause })
  if (CERTIFICATE_ERROR.test(reason)) {
    return new TransportError('TLS_CERTIFICATE', `the certificate of ${peer} was not accepted: ${cause.message}`, {
      cause,
    })
  }
  if (/SSL|TLS|EPROTO/i.test(reason)) {
    return new TransportError('TLS_HANDSHAKE', `the TLS handshake with ${peer} failed: ${cause.message}`, { cause })
  }
  return new TransportError('CONNECT_FAILED', `cannot connect to ${peer}: ${reason}`, { cause })
}

const CERTIFICATE_ERROR = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS_CERT_ALTNAME|HOSTNAME_MISMATCH/
