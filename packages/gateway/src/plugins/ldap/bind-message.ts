/** LDAP messages of a simple bind (RFC 4511 sections 4.1.1 and 4.2), in the encoding of section 5.1: BER with definite lengths. */

const SEQUENCE = 0x30
const INTEGER = 0x02
const OCTETS = 0x04
const ENUMERATED = 0x0a
const BIND_REQUEST = 0x60
const BIND_RESPONSE = 0x61
/** `simple [0] OCTET STRING` of AuthenticationChoice. */
const SIMPLE = 0x80
const VERSION_3 = Buffer.from([3])

/** A result with a diagnostic message, a referral and controls has some hundred bytes. */
export const MAX_RESPONSE_BYTES = 65_536

/** @param id 1 to 2^31 - 1 */
export function bindRequest(id: number, dn: string, password: string): Buffer {
  const request = element(
    BIND_REQUEST,
    element(INTEGER, VERSION_3),
    element(OCTETS, Buffer.from(dn)),
    element(SIMPLE, Buffer.from(password)),
  )
  return element(SEQUENCE, element(INTEGER, integer(id)), request)
}

function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([Buffer.from([tag]), lengthOf(length), ...parts])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes = integer(length)
  const digits = bytes[0] === 0 ? bytes.subarray(1) : bytes
  return Buffer.concat([Buffer.from([0x80 | digits.length]), digits])
}

/** As few bytes as hold it, the first below 0x80: it is not negative. */
function integer(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  if (bytes.length === 0 || bytes[0] >= 0x80) bytes.unshift(0)
  return Buffer.from(bytes)
}

export interface BindResult {
  readonly id: number
  /** The result code: 0 is success, the others are in RFC 4511 appendix A. */
  readonly code: number
}

/** The response at the beginning of `bytes`; `more`: it is not all there; `malformed`: it will never be one. */
export function readBindResponse(bytes: Buffer): BindResult | 'more' | 'malformed' {
  const message = readElement(bytes, 0, bytes.length)
  if (typeof message === 'string') return message
  if (message.end > MAX_RESPONSE_BYTES || message.tag !== SEQUENCE) return 'malformed'
  if (message.end > bytes.length) return 'more'
  const id = readNumber(bytes, message.start, message.end, INTEGER)
  if (id === undefined) return 'malformed'
  const response = readElement(bytes, id.end, message.end)
  if (typeof response === 'string' || response.tag !== BIND_RESPONSE || response.end > message.end) return 'malformed'
  const code = readNumber(bytes, response.start, response.end, ENUMERATED)
  return code === undefined ? 'malformed' : { id: id.value, code: code.value }
}

interface Element {
  readonly tag: number
  /** Of its content, in the bytes. */
  readonly start: number
  readonly end: number
}

function readElement(bytes: Buffer, at: number, limit: number): Element | 'more' | 'malformed' {
  if (at + 2 > limit) return 'more'
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first }
  // 0x80 would be an indefinite length, which LDAP does not have; more than four bytes are no length of a message.
  const digits = first & 0x7f
  if (digits === 0 || digits > 4) return 'malformed'
  const start = at + 2 + digits
  if (start > limit) return 'more'
  return { tag, start, end: start + bytes.readUIntBE(at + 2, digits) }
}

function readNumber(
  bytes: Buffer,
  at: number,
  limit: number,
  tag: number,
): { readonly value: number; readonly end: number } | undefined {
  const found = readElement(bytes, at, limit)
  if (typeof found === 'string' || found.tag !== tag || found.end > limit) return undefined
  const length = found.end - found.start
  if (length < 1 || length > 4) return undefined
  return { value: bytes.readIntBE(found.start, length), end: found.end }
}
