import { isIPv6 } from 'node:net'
import { InvalidNodeError } from './invalid-node-error.ts'

/** Where a node listens. The fields are those of `Backend`. */
export interface Address {
  readonly address: string
  readonly host: string
  readonly port: number
}

/** Longest name in DNS (RFC 1035, section 3.1: 255 octets on the wire, two of them lengths). */
const MAX_HOST_LENGTH = 253

/** The longest path that fits into Linux's sockaddr_un: 108 bytes with the closing NUL. */
const MAX_UNIX_PATH_BYTES = 107

/** Two colons or more among hexadecimal digits: meant as IPv6, whether or not it is valid. */
const LIKE_IPV6 = /^[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*(%\w+)?$/i

/**
 * Reads `host:port`, `host`, `[v6]:port`, `[v6]` or `unix:/path`. Host names may have underscores, as container
 * networks use them. Throws InvalidNodeError.
 */
export function parseAddress(text: string, path: readonly string[]): Address {
  if (typeof text !== 'string') throw new InvalidNodeError(path, `${JSON.stringify(text)} is not an address`)
  if (text.startsWith('unix:')) return unixAddress(text, path)
  const colon = portColon(text)
  if (colon !== -1 && !text.startsWith('[') && text.indexOf(':') < colon) {
    // More than one colon and no brackets: an IPv6 address, or nothing we know, such as a URL.
    throw new InvalidNodeError(path, manyColons(text))
  }
  if (colon === -1) return { address: text, host: readHost(text, path), port: 0 }
  return { address: text, host: readHost(text.slice(0, colon), path), port: readPort(text.slice(colon + 1), path) }
}

/** Reads a host and a port that are written apart. The host may be `unix:/path`, without a port then. */
export function parseHost(host: string, port: number | undefined, path: readonly string[]): Address {
  const hostPath = [...path, 'host']
  if (typeof host !== 'string') {
    throw new InvalidNodeError(path, 'has neither an address nor a host; write { "host": "10.0.0.1", "port": 80 }')
  }
  if (host.startsWith('unix:')) {
    if (port !== undefined) throw new InvalidNodeError([...path, 'port'], 'a unix socket has no port')
    return unixAddress(host, hostPath)
  }
  if (host.includes(':') && !host.startsWith('[') && !LIKE_IPV6.test(host)) {
    throw new InvalidNodeError(hostPath, `invalid host ${JSON.stringify(host)}: the port goes into "port"`)
  }
  const bare = readHost(host, hostPath)
  if (port === undefined) return { address: host, host: bare, port: 0 }
  return { address: `${host}:${port}`, host: bare, port: readPort(port, [...path, 'port']) }
}

/** Index of the colon before the port, or -1. Colons within brackets belong to the IPv6 address. */
function portColon(text: string): number {
  const bracket = text.lastIndexOf(']')
  if (text.startsWith('[') && bracket === -1) return -1
  const colon = text.lastIndexOf(':')
  return colon > bracket ? colon : -1
}

function unixAddress(text: string, path: readonly string[]): Address {
  const file = text.slice('unix:'.length)
  if (!file.startsWith('/') || file.includes('\0') || Buffer.byteLength(file) > MAX_UNIX_PATH_BYTES) {
    const right = `after "unix:" comes an absolute path of at most ${MAX_UNIX_PATH_BYTES} bytes`
    throw new InvalidNodeError(path, `invalid unix socket ${JSON.stringify(text)}: ${right}`)
  }
  return { address: text, host: file, port: 0 }
}

function readHost(text: string, path: readonly string[]): string {
  if (text.startsWith('[')) {
    const inner = text.slice(1, -1)
    if (text.endsWith(']') && isIPv6(inner)) return inner
    throw new InvalidNodeError(path, `invalid IPv6 address ${JSON.stringify(text)}`)
  }
  if (/^[\w.-]+$/.test(text) && text.length <= MAX_HOST_LENGTH) return text
  throw new InvalidNodeError(path, text.includes(':') ? manyColons(text) : `invalid host ${JSON.stringify(text)}`)
}

/** What to say of a text with colons that are not before a port. */
function manyColons(text: string): string {
  return LIKE_IPV6.test(text)
    ? `IPv6 address must be enclosed with '[' and ']': ${JSON.stringify(text)}`
    : `invalid address ${JSON.stringify(text)}: a node is host:port, without a scheme or a path`
}

function readPort(port: string | number, path: readonly string[]): number {
  const number = typeof port === 'string' && /^\d{1,5}$/.test(port) ? Number(port) : port
  if (typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= 65_535) return number
  throw new InvalidNodeError(path, `invalid port ${String(port)}: a port is a whole number from 1 to 65535`)
}
