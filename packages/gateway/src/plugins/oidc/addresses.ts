import type { GatewaySession } from '../../session.ts'

/** Behind the path that was asked for, where no `redirect_uri` is configured; APISIX's. */
const SUFFIX = '/.apisix/redirect'

/** Where the provider sends people back to. */
export class RedirectAddress {
  private readonly configured: string | undefined
  private readonly path: string | undefined

  constructor(configured: string | undefined) {
    this.configured = configured
    this.path = configured === undefined ? undefined : new URL(configured, 'http://host').pathname
  }

  /** Whether the request is one of those that come back. */
  matches({ ctx }: GatewaySession): boolean {
    return this.path === undefined ? ctx.path.endsWith(SUFFIX) : ctx.path === this.path
  }

  /** The address, as it is told to the provider. */
  for(session: GatewaySession): string {
    const { configured } = this
    if (configured !== undefined) return new URL(configured, originOf(session)).href
    return `${originOf(session)}${session.request.path.replace(/\/$/, '')}${SUFFIX}`
  }
}

const originOf = ({ request, secure }: GatewaySession): string => `${secure ? 'https' : 'http'}://${request.host}`

/**
 * Where somebody goes after signing in: to what was asked for, on this host whatever it looks like. Browsers read `//host` and `/\host` as another
 * host, and leave tabs and line ends out first.
 */
export function targetOf({ request }: GatewaySession): string {
  const { target } = request
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(target) ? target : '/'
}

/** Whether a browser would show what is answered: a redirect to a sign-in page is of no use to a script or an image (Fetch Metadata). */
export function isNavigation({ request: { headers, method } }: GatewaySession): boolean {
  if (method === 'HEAD' || method === 'OPTIONS') return false
  const mode = headers.get('sec-fetch-mode')
  if (mode !== undefined) return mode === 'navigate'
  return headers.get('x-requested-with')?.toLowerCase() !== 'xmlhttprequest' && headers.get('upgrade') === undefined
}
