import type { ProxyError, RequestHead } from '@sekisho/proxy'
import { signRequest } from '@sekisho/functions/signature'
import type { NormalRoute } from '../resources/normalise-route.ts'
import type { GatewaySession } from '../session.ts'
import { UpstreamTarget } from '../upstreams/upstream-target.ts'
import { RouteTemplates } from './route-template.ts'
import { SERVICE_DEFAULTS, serviceUpstream, timeoutOf, type ConnectionSettings } from './service-upstream.ts'
import type { UpstreamCall } from './upstream-call.ts'

/** The configuration of `aws-lambda`. */
export interface AwsLambdaSettings extends ConnectionSettings {
  readonly function_uri: string
  readonly authorization?: {
    readonly apikey?: string
    readonly iam?: {
      readonly accesskey: string
      readonly secretkey: string
      readonly aws_region: string
      readonly service: string
    }
  }
  /** Milliseconds. */
  readonly timeout: number
  readonly max_req_body_size: number
}

/** A function with an address in HTTP. */
export class AwsLambdaTarget {
  readonly upstream: UpstreamTarget
  readonly settings: AwsLambdaSettings
  private readonly url: URL
  private readonly templates = new WeakMap<NormalRoute, RouteTemplates>()

  constructor(settings: AwsLambdaSettings) {
    this.settings = settings
    this.url = new URL(settings.function_uri)
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
    return new AwsLambdaCall(this, this.pathFor(session))
  }

  /** Fields that show who calls, unless the client did. */
  authorize({ headers, method, target }: RequestHead, body: Uint8Array): void {
    const { apikey, iam } = this.settings.authorization ?? {}
    headers.set('Host', this.url.host)
    if (apikey !== undefined && !headers.has('x-api-key')) {
      headers.append('x-api-key', apikey)
      return
    }
    if (iam === undefined || headers.has('authorization')) return
    const amazon = [...headers].filter(([name]) => /^x-amz-/i.test(name))
    const signed = signRequest({
      method,
      url: `${this.url.origin}${target}`,
      // The service wants all fields of this kind to be signed.
      headers: { ...Object.fromEntries(amazon), host: this.url.host },
      body,
      service: iam.service,
      region: iam.aws_region,
      credentials: { accessKeyId: iam.accesskey, secretAccessKey: iam.secretkey },
    })
    for (const name of Object.keys(signed.headers)) headers.set(name, signed.headers[name])
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

class AwsLambdaCall implements UpstreamCall {
  readonly upstream: UpstreamTarget
  private readonly target: AwsLambdaTarget
  private readonly path: string
  private body: Uint8Array = new Uint8Array(0)

  constructor(target: AwsLambdaTarget, path: string) {
    this.target = target
    this.upstream = target.upstream
    this.path = path
  }

  begin(session: GatewaySession): Promise<void> | undefined {
    if (session.request.bodyLength === 0) return undefined
    return session.readBody(this.target.settings.max_req_body_size).then((body) => {
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
