import { isIP } from 'node:net'
import type { Headers } from '@sekisho/wire'

export interface BrowserAccess {
  /** Names under which the API may be called besides addresses, `localhost` and names without a dot. */
  readonly allowedHosts: readonly string[]
  /** Origins of web pages that may call it: `https://app.example.com`, or `*`. */
  readonly allowedOrigins: readonly string[]
}

/**
 * Keeps web pages away from an API that listens on loopback and asks for no signature. A page may send requests to any address, and a browser says
 * where they come from (`Origin`, `Sec-Fetch-Site`). A page whose name was made to point at 127.0.0.1 (DNS rebinding) is told by the name in `Host`:
 * nobody can make a public name that is an address, `localhost` or a word without a dot.
 */
export class BrowserGuard {
  private readonly hosts: ReadonlySet<string>
  private readonly origins: ReadonlySet<string>
  private readonly anyOrigin: boolean
  /** The last one that was found good: clients use one name. */
  private goodHost = ''

  constructor({ allowedHosts, allowedOrigins }: BrowserAccess) {
    this.hosts = new Set(allowedHosts.map((host) => host.toLowerCase()))
    this.origins = new Set(allowedOrigins)
    this.anyOrigin = this.origins.has('*')
  }

  /** Why a request with that `Host` is refused, for the client's eyes; undefined: it is not. */
  hostProblem(host: string): string | undefined {
    if (host === this.goodHost) return undefined
    if (!this.allowsHost(host)) {
      return `the API is not called '${host}' here. Use an address or localhost, or name it in allowedHosts`
    }
    this.goodHost = host
    return undefined
  }

  /** The same for the page that the request comes from. */
  originProblem(headers: Headers): string | undefined {
    const origin = headers.get('origin')
    if (origin !== undefined) {
      return this.allowsOrigin(origin) ? undefined : `web pages of ${origin} may not call the API: see allowedOrigins`
    }
    // A page's GET says no origin. One that a function URL served, on this very port, is a stranger, too.
    const site = headers.get('sec-fetch-site')
    return site === undefined || site === 'none' ? undefined : 'web pages may not call the API: see allowedOrigins'
  }

  allowsOrigin(origin: string): boolean {
    return this.anyOrigin || this.origins.has(origin)
  }

  private allowsHost(host: string): boolean {
    const name = hostName(host)
    return (
      (name !== '' && !name.includes('.') && !name.includes(':')) ||
      name.endsWith('.localhost') ||
      isIP(name) !== 0 ||
      this.hosts.has(name)
    )
  }
}

/** Without its port and brackets, in lower case. */
export function hostName(host: string): string {
  const end = host.startsWith('[') ? host.indexOf(']') : host.indexOf(':')
  return host.slice(host.startsWith('[') ? 1 : 0, end < 0 ? host.length : end).toLowerCase()
}
