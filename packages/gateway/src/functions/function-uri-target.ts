import type { ProxyError, RequestHead } from '@sekisho/proxy'
import type { NormalRoute } from '../resources/normalise-route.ts'
import { Type } from '../schema/type.ts'
import { defaulted } from '../plugins/defaulted.ts'
import type { GatewaySession } from '../session.ts'
import { UpstreamTarget } from '../upstreams/upstream-target.ts'
import { RouteTemplates } from './route-template.ts'
import {
  connectionFields,
  type ConnectionSettings,
  SERVICE_DEFAULTS,
  serviceUpstream,
  timeoutOf,
} from './service-upstream.ts'
import type { UpstreamCall } from './upstream-call.ts'

/** Fields of plugins that send requests to a function by HTTP. */
export const functionCallFields = {
  ...connectionFields,
  keepalive_pool: defaulted(Type.Integer({ minimum: 1, default: 5, description: 'idle connections kept' })),
  max_req_body_size: defaulted(
    Type.Integer({
      minimum: 1,
      default: 67_108_864,
      description: 'bytes of a request body; more is refused with a 413',
    }),
  ),
} as const

/** The same where the function has an address of its own, as in APISIX. */
export const functionUriFields = {
  function_uri: Type.String({
    pattern: '^https?://[^/?#@\\s]+(/[^?#\\s]*)?$',
    patternErrorMessage: 'must be a URL without query, as "https://HOST/PATH"',
    description: 'where the function is',
  }),
  timeout: defaulted(Type.Integer({ minimum: 100, default: 3_000, description: 'milliseconds' })),
  ...functionCallFields,
} as const

export interface FunctionUriSettings extends ConnectionSettings {
  readonly function_uri: string
  /** Milliseconds. */
  readonly timeout: number
  readonly max_req_body_size: number
}

/** What the pattern of `function_uri` lets pass. */
export const checkFunctionUri = ({ function_uri: uri }: { readonly function_uri: string }) =>
  URL.canParse(uri) ? undefined : { path: '/function_uri', message: 'is not a URL; write "https://HOST/PATH"' }

/** Adds who calls to a request that leaves. `body` is empty unless it was asked for. */
export type Authorize = (request: RequestHead, body: Uint8Array, url: URL) => void

/** A function with an address in HTTP. */
export class FunctionUriTarget {
  readonly upstream: UpstreamTarget
  readonly maxBodyBytes: number
  readonly readsBodies: boolean
  private readonly url: URL
  private readonly authorizeRequest: Authorize
  private readonly templates = new WeakMap<NormalRoute, RouteTemplates>()

  /** @param readsBodies `authorize` needs bodies: they are read before the request leaves */
  constructor(settings: FunctionUriSettings, authorize: Authorize, readsBodies = false) {
    this.url = new URL(settings.function_uri)
    this.authorizeRequest = authorize
    this.readsBodies = readsBodies
    this.maxBodyBytes = settings.max_req_body_size
    const secure = this.url.protocol === 'https:'
    const host = this.url.hostname.replace(/^\[|\]$/g, '')
    const port = this.url.port === '' ? (secure ? 443 : 80) : Number(this.url.port)
    this.upstream = new UpstreamTarget(
      {
        ...serviceUpstream(settings),
        scheme: secure ? 'https' : 'http',
        nodes: [{ host, port, weight: 1, priority: 0 }],
        retries: 0,
      },
      timeoutOf(settings.timeout),
      SERVICE_DEFAULTS,
    )
  }

  call(session: GatewaySession): UpstreamCall {
    return new FunctionUriCall(this, this.pathFor(session))
  }

  authorize(request: RequestHead, body: Uint8Array): void {
    request.headers.set('Host', this.url.host)
    this.authorizeRequest(request, body, this.url)
  }

  /** The function's path, and behind it what the `*` of the route took. */
  private pathFor({ ctx }: GatewaySession): string {
    const { pathname } = this.url
    const route = ctx.plan?.route
    if (route === undefined) return pathname
    let templates = this.templates.get(route)
    if (templates === undefined) this.templates.set(route, (templates = new RouteTemplates(route.uris)))
    const rest = templates.of(ctx.path, undefined).parameters?.['proxy']
    if (rest === undefined) return pathname
    // The path was decoded to be matched.
    const encoded = rest.split('/').map(encodeURIComponent).join('/')
    return pathname.endsWith('/') ? pathname + encoded : `${pathname}/${encoded}`
  }
}

const NOTHING = new Uint8Array(0)

class FunctionUriCall implements UpstreamCall {
  readonly upstream: UpstreamTarget
  private readonly target: FunctionUriTarget
  private readonly path: string
  private body: Uint8Array = NOTHING

  constructor(target: FunctionUriTarget, path: string) {
    this.target = target
    this.upstream = target.upstream
    this.path = path
  }

  begin(session: GatewaySession): Promise<void> | undefined {
    const { bodyLength: length } = session.request
    const { maxBodyBytes: most, readsBodies } = this.target
    // A length that is known is counted by nobody: the codec lets no more pass.
    if (length === 0 || (!readsBodies && length > 0 && length <= most)) return undefined
    return session.readBody(most).then((body) => {
      this.body = body
    })
  }

  apply(_session: GatewaySession, request: RequestHead): void {
    const { query } = request
    request.target = query === '' ? this.path : `${this.path}?${query}`
    this.target.authorize(request, this.body)
  }

  failed(session: GatewaySession, error: ProxyError): void {
    if (error.source === 'upstream') session.respond(503)
  }
}
