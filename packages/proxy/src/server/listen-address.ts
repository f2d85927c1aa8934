import { isIPv4, isIPv6 } from 'node:net'
import { resolve } from 'node:path'

/** A parsed listen address. `key` is its canonical text, by which processes and threads agree on which listener is meant. */
export type ListenAddress =
  | { readonly kind: 'every'; readonly key: string; readonly port: number }
  | { readonly kind: 'host'; readonly key: string; readonly host: string; readonly port: number }
  | { readonly kind: 'path'; readonly key: string; readonly path: string }

/** An address of the control thread, which knows it by name. */
export interface NamedAddress {
  readonly name: string
  readonly address: ListenAddress
}

/** How an address may be written. `options` go to the application as they are. */
export type ListenInput =
  | number
  | string
  | { readonly address: number | string; readonly options?: unknown }
  | { readonly host: string; readonly port: number; readonly options?: unknown }
  | { readonly path: string; readonly options?: unknown }

/** `sun_path` of a Unix socket holds 108 bytes, the closing NUL included (unix(7)). */
export const MAX_SOCKET_PATH_BYTES = 107

/**
 * Reads an address: `8080`, `'8080'`, `'*:8080'` (every address, IPv6 and IPv4), `'127.0.0.1:8080'`, `'[::1]:8080'`,
 * `'localhost:8080'`, `'unix:/run/sekisho.sock'`. `[::]` is IPv6 alone, as in nginx, so that it can stand beside `0.0.0.0`.
 * Port 0 lets the kernel choose. Throws a TypeError that says what would be right.
 */
export function parseListenAddress(input: ListenInput): ListenAddress {
  if (typeof input === 'number') return everyAddress(checkPort(input, String(input)))
  if (typeof input === 'string') return parseText(input.trim())
  if ('address' in input) return parseListenAddress(input.address)
  if ('path' in input) return socketPath(input.path)
  const host = input.host.startsWith('[') ? input.host.slice(1, -1) : input.host
  return hostAddress(host, checkPort(input.port, `${input.host}:${input.port}`))
}

function parseText(text: string): ListenAddress {
  if (text.startsWith('unix:')) return socketPath(text.slice('unix:'.length))
  if (/^\d+$/.test(text)) return everyAddress(readPort(text, text))
  const bracketed = /^\[([^\]]*)\]:(\d+)$/.exec(text)
  if (bracketed) {
    if (!isIPv6(bracketed[1])) throw wrong(text, 'what is in brackets must be an IPv6 address, such as "[::1]:8080"')
    return hostAddress(bracketed[1], readPort(bracketed[2], text))
  }
  const colon = text.indexOf(':')
  if (colon === -1) throw wrong(text, `a port is missing: write "${text === '' ? '127.0.0.1' : text}:8080"`)
  if (colon !== text.lastIndexOf(':')) {
    throw wrong(text, `an IPv6 address must be enclosed with '[' and ']' and have a port, such as "[::1]:8080"`)
  }
  const host = text.slice(0, colon)
  const port = readPort(text.slice(colon + 1), text)
  return host === '' || host === '*' ? everyAddress(port) : hostAddress(host, port)
}

function everyAddress(port: number): ListenAddress {
  return { kind: 'every', key: `*:${port}`, port }
}

function hostAddress(host: string, port: number): ListenAddress {
  if (isIPv6(host)) return { kind: 'host', key: `[${host.toLowerCase()}]:${port}`, host: host.toLowerCase(), port }
  // Digits and dots alone are an IPv4 address that went wrong, never a name: 127.0.0.256 must not be asked of DNS.
  const valid = /^[\d.]+$/.test(host) ? isIPv4(host) : /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i.test(host)
  if (!valid) throw wrong(`${host}:${port}`, `"${host}" is neither an IP address nor a host name`)
  return { kind: 'host', key: `${host.toLowerCase()}:${port}`, host: host.toLowerCase(), port }
}

function socketPath(path: string): ListenAddress {
  if (path === '') throw wrong('unix:', 'the path of the socket is missing: write "unix:/run/sekisho.sock"')
  const absolute = resolve(path)
  const bytes = Buffer.byteLength(absolute)
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw wrong(`unix:${path}`, `the path has ${bytes} bytes, and a socket's at most ${MAX_SOCKET_PATH_BYTES}`)
  }
  return { kind: 'path', key: `unix:${absolute}`, path: absolute }
}

function readPort(digits: string, text: string): number {
  return checkPort(/^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN, text)
}

function checkPort(port: number, text: string): number {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw wrong(text, 'the port must be a number from 0 to 65535')
  return port
}

function wrong(text: string, reason: string): TypeError {
  return new TypeError(`cannot listen on "${text}": ${reason}`)
}
