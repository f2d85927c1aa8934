/** `host`, and `port` when one was written. IPv6 hosts keep their brackets off. */
export interface NodeAddress {
  readonly host: string
  readonly port: number | undefined
}

/**
 * Reads `host`, `host:port`, `[v6]` or `[v6]:port`, as written in `upstream.nodes`.
 * Returns what is wrong as text when it is none of these.
 */
export function parseNodeAddress(text: string): NodeAddress | string {
  if (text.startsWith('[')) {
    const end = text.indexOf(']')
    if (end < 0) return 'the "[" of an IPv6 address has no "]"'
    const host = text.slice(1, end)
    if (!/^[0-9a-fA-F:.]{2,45}$/.test(host) || !host.includes(':'))
      return `"${host.slice(0, MAX_HOST_LENGTH)}" is not an IPv6 address`
    if (end === text.length - 1) return { host, port: undefined }
    if (text[end + 1] !== ':') return 'only ":PORT" may follow "]"'
    return withPort(host, text.slice(end + 2))
  }
  const colon = text.indexOf(':')
  if (colon !== text.lastIndexOf(':')) return "an IPv6 address must be enclosed in '[' and ']'"
  if (colon < 0) return checkHost(text) ?? { host: text, port: undefined }
  return checkHost(text.slice(0, colon)) ?? withPort(text.slice(0, colon), text.slice(colon + 1))
}

/** Of a name in the DNS, as text (RFC 1035, section 2.3.4). */
const MAX_HOST_LENGTH = 253

function checkHost(host: string): string | undefined {
  if (host === '') return 'the host is missing'
  if (host.length > MAX_HOST_LENGTH) return `the host has more than ${MAX_HOST_LENGTH} characters`
  return /^[0-9a-zA-Z._-]+$/.test(host) ? undefined : `"${host}" is not a host name or address`
}

function withPort(host: string, text: string): NodeAddress | string {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65535
    ? { host, port }
    : `invalid port "${text.slice(0, 20)}": a port is a number from 1 to 65535`
}

/** Whether the host of the list form is written as `[v6]`, `v4` or a name; APISIX refuses IPv6 without brackets. */
export function hostProblem(host: string): string | undefined {
  const address = parseNodeAddress(host)
  if (typeof address === 'string') return address
  return address.port === undefined ? undefined : 'the port has a field of its own: "port"'
}
