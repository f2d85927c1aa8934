/** A host pattern, taken apart. */
export interface HostPattern {
  /** Lower case. For a wildcard what follows the `*`: `.a.com`, `a.com` (of `*a.com`), or nothing (of `*`). */
  readonly text: string
  readonly wildcard: boolean
  /** Whether it names a port, and is therefore compared with the host and port that the client sent. */
  readonly port: boolean
}

const HOST = /^\*$|^\*?[0-9a-zA-Z\-._[\]:]+$/
/** A port after a name, an IPv4 address or a bracketed IPv6 address; several colons without brackets are an address. */
const PORT = /^[^:]*:\d+$|\]:\d+$/

/**
 * Reads `a.com`, `*.a.com` (any depth below a.com), `*a.com` (also a.com itself), `*`, each with or without `:port`.
 * Undefined when it is none of these; the rules are those of APISIX's schema.
 */
export function parseHost(host: string): HostPattern | undefined {
  if (!HOST.test(host)) return undefined
  const wildcard = host[0] === '*'
  return { text: host.slice(wildcard ? 1 : 0).toLowerCase(), wildcard, port: PORT.test(host) }
}

/** As it is written in a configuration, in lower case. */
export function hostText(host: HostPattern): string {
  return host.wildcard ? `*${host.text}` : host.text
}
