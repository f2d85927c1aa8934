import { createHash, timingSafeEqual } from 'node:crypto'

const SHA_256 = /(?:^|,)\s*sha-256=([A-Za-z0-9+/]{43}=)\s*(?:,|$)/i

/** Whether a Digest field (RFC 3230) has the SHA-256 of these bytes. */
export function isDigestOf(field: string | undefined, body: Uint8Array): boolean {
  const written = field === undefined ? null : SHA_256.exec(field)
  if (written === null) return false
  return timingSafeEqual(Buffer.from(written[1]!, 'base64'), createHash('sha256').update(body).digest())
}
