/** Reasons that we give ourselves (RFC 8446 section 6); the others come from OpenSSL. */
export type TlsAlert = 'decode_error' | 'internal_error' | 'unrecognized_name'
const CODES: Record<TlsAlert, number> = { decode_error: 50, internal_error: 80, unrecognized_name: 112 }

/** A fatal alert as the first record of a connection. */
export const alertRecord = (alert: TlsAlert): Buffer => Buffer.from([21, 3, 3, 0, 2, 2, CODES[alert]])
