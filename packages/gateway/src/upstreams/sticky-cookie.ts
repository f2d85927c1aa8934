import { createHmac } from 'node:crypto'
import type { Backend, ResponseHead } from '@sekisho/proxy'
import type { StickyCookie } from '../resources/balancing.ts'
import type { GatewaySession } from '../session.ts'
import { variableReader, type VariableReader } from '../variables/variables.ts'

/** 96 bits: no two nodes meet. */
const ID_BYTES = 12

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' } as const

/** Keeps clients on their nodes by a cookie, which names a node by a hash of its host and port. */
export class Stickiness {
  private readonly read: VariableReader
  private readonly before: string
  private readonly after: string
  private readonly secret: string
  private readonly byId = new Map<string, Backend>()
  private readonly ids = new WeakMap<Backend, string>()

  constructor(cookie: StickyCookie) {
    this.read = variableReader(`cookie_${cookie.cookie}`)
    this.before = `${cookie.cookie}=`
    this.after = attributes(cookie)
    this.secret = cookie.secret ?? ''
  }

  /** The nodes of the upstream are these now. */
  settle(backends: readonly Backend[]): void {
    this.byId.clear()
    for (const backend of backends) {
      const hash = createHmac('sha256', this.secret).update(`${backend.host}\0${backend.port}`).digest()
      const id = hash.subarray(0, ID_BYTES).toString('base64url')
      this.byId.set(id, backend)
      this.ids.set(backend, id)
    }
  }

  /** The node of this client; undefined when it has none, or none that it could be sent to now. */
  nodeOf(session: GatewaySession): Backend | undefined {
    const id = this.read(session.ctx)
    const backend = typeof id === 'string' ? this.byId.get(id) : undefined
    return backend?.usable === true && !session.tried.includes(backend) ? backend : undefined
  }

  /** Tells the client which node answered, unless it knows. Not where a cache might tell others. */
  answer(session: GatewaySession, response: ResponseHead): void {
    const { ctx, peer } = session
    const id = peer?.backend === undefined ? undefined : this.ids.get(peer.backend)
    if (id === undefined || ctx.cacheUse !== undefined || this.read(ctx) === id) return
    response.headers.append('Set-Cookie', `${this.before}${id}${this.after}`)
  }
}

function attributes({
  ttl = 0,
  path = '/',
  domain,
  secure,
  http_only: httpOnly = true,
  same_site: site,
}: StickyCookie): string {
  return [
    `; Path=${path}`,
    domain === undefined ? '' : `; Domain=${domain}`,
    ttl === 0 ? '' : `; Max-Age=${ttl}`,
    httpOnly ? '; HttpOnly' : '',
    secure === true ? '; Secure' : '',
    site === undefined ? '' : `; SameSite=${SAME_SITE[site]}`,
  ].join('')
}
