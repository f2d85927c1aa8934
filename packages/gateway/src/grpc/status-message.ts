/** What may stand in a `grpc-message` field as it is: printable ASCII but `%` (gRPC over HTTP/2, "Percent-Encoded"). */
const isPlain = (byte: number): boolean => byte >= 0x20 && byte <= 0x7e && byte !== 0x25

/** The text of a status as the value of `grpc-message`: UTF-8, percent-encoded. */
export function encodeStatusMessage(text: string): string {
  let encoded = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    encoded += isPlain(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}

/**
 * The text of a `grpc-message` field. Never fails: what is no valid encoding stays as it is, since a message that cannot be
 * read well is better than none (the same specification asks for that).
 */
export function decodeStatusMessage(value: string): string {
  if (!value.includes('%')) return value
  const bytes: number[] = []
  for (let at = 0; at < value.length; at++) {
    const digits = value.slice(at + 1, at + 3)
    if (value[at] === '%' && /^[0-9a-fA-F]{2}$/.test(digits)) {
      bytes.push(parseInt(digits, 16))
      at += 2
    } else bytes.push(...Buffer.from(value[at], 'utf8'))
  }
  return Buffer.from(bytes).toString('utf8')
}
