/**
 * Lets browsers call gRPC services: gRPC-Web, binary or text, becomes gRPC on its way to the upstream, and the answer gRPC-Web again.
 *
 * ```yaml
 * upstreams:
 *   - { id: greeter, scheme: grpc, nodes: { "127.0.0.1:50051": 1 } }
 * routes:
 *   - uri: /helloworld.Greeter/*
 *     upstream_id: greeter
 *     plugins:
 *       grpc-web: {}
 *       cors: { allow_origins: "https://shop.example.com" }
 * ```
 *
 * ```sh
 * # with: grpc-greeter at 127.0.0.1:50051
 * # A call as a browser sends it: a message prefix and a HelloRequest with the name "world", as base64.
 * curl -i -X POST -H 'Content-Type: application/grpc-web-text' -H 'Origin: https://shop.example.com' -d AAAAAAcKBXdvcmxk \
 *   http://127.0.0.1:8080/helloworld.Greeter/SayHello   # 200, Access-Control-Allow-Origin: https://shop.example.com, body: AAAAAA0KC0hlbGxvIHdvcmxk
 * ```
 *
 * Everything else passes untouched: native gRPC clients, Connect clients and plain HTTP work on the same route.
 *
 * **Requests** are known by their content type, `application/grpc-web` or `application/grpc-web-text`, with any suffix (`+proto`, `+json`)
 * and parameters. The answer is text or binary as `Accept` says, and else as the request is. Messages are sent on as they come, in both
 * directions; browsers send only one. Text that is not base64 is refused with a 400. A `uri` that ends in `*` right before `package.Service/Method`
 * is cut off, so that `/api/*` takes `/api/helloworld.Greeter/SayHello` to the service. The upstream is told that the client unpacks
 * nothing (`grpc-accept-encoding: identity`), unless the client says otherwise: browsers' libraries do not.
 *
 * **Errors** reach the client as a gRPC status with a message, those of the gateway too: no credentials are 16 UNAUTHENTICATED, an
 * upstream that is not there is 14 UNAVAILABLE. An answer that is not gRPC becomes a status that fits its HTTP status, and a message that is the
 * first 16 KiB of its body. The HTTP status is 200 then, since clients read no other one's headers. A call that breaks off
 * behind its first messages ends with a status as well.
 *
 * **Other origins.** With `cors` on the route (or in a service or global rule) that plugin says who may call, and `grpc-status`, `grpc-message` and
 * `grpc-status-details-bin` are exposed in any case; metadata of your own is to be named in its `expose_headers`. Without `cors`
 * pages of all origins may call, without cookies and with the headers of `cors_allow_headers` only. Browsers' questions (OPTIONS) are answered
 * before any plugin asks for credentials, also where the route's `methods` are only `POST`.
 *
 * Costs 3 to 4 µs a call, and 2.5 ns for each byte of a request in text.
 */
import { type WebType, parseWebType } from '../grpc-web/content-type.ts'
import { callPath } from '../grpc-web/call-path.ts'
import {
  allowCall,
  allowEveryOrigin,
  asksForCall,
  CLIENT_FIELDS,
  exposeStatus,
  isGoverned,
} from '../grpc-web/cross-origin.ts'
import { refuse, TOO_LARGE, WebCall } from '../grpc-web/web-call.ts'
import { type Static, Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    cors_allow_headers: defaulted(
      Type.String({
        default: CLIENT_FIELDS,
        pattern: '^[ -~]+$',
        patternErrorMessage: 'must be names of headers, joined by commas',
        description:
          'request headers that pages may send, joined by commas; counts where there is no `cors`. Unlike in APISIX the default has `grpc-timeout`, which clients with a deadline send',
      }),
    ),
    max_req_body_size: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'bytes of a call in gRPC-Web, as they arrive; larger ones are refused with 413. Left out: no limit, as nothing is collected here (APISIX collects whole bodies, and takes 64 MiB)',
      }),
    ),
  },
  { additionalProperties: false },
)
type Config = Static<typeof schema>

const NAME = 'grpc-web'

export default definePlugin({
  name: NAME,
  priority: 505,
  placeless: true,
  // What one of two made gRPC is no gRPC-Web for the other.
  runPolicy: 'prefer_route',
  schema,
  create: (config: Config) => ({
    preflight: (session) => asksForCall(session.request) && !isGoverned(session),
    access(session) {
      const type = parseWebType(session.request.headers.get('content-type'))
      if (type !== undefined) call(session, type, config.max_req_body_size ?? Infinity)
    },
    requestBody: (session, chunk, end) => session.ctx.getState<WebCall>(NAME)?.request(session, chunk, end),
    headerFilter(session) {
      const { request, response } = session
      if (response === undefined) return
      const { headers } = response
      if (asksForCall(request)) {
        if (session.responseSource === 'local' && !isGoverned(session)) allowCall(headers, config.cors_allow_headers)
        return
      }
      if (parseWebType(request.headers.get('content-type')) === undefined) return
      if (session.responseSource === 'upstream') session.ctx.getState<WebCall>(NAME)?.head(session)
      if (!isGoverned(session)) allowEveryOrigin(headers)
      exposeStatus(headers)
    },
    bodyFilter(session, chunk, end) {
      if (session.responseSource !== 'upstream') return undefined
      return session.ctx.getState<WebCall>(NAME)?.response(session, chunk, end)
    },
  }),
})

/** Makes the request gRPC, or says why it cannot be. */
function call(session: GatewaySession, type: WebType, most: number): void {
  const { ctx, request } = session
  const { headers } = request
  if (request.method !== 'POST') {
    session.respond(405, 'gRPC-Web calls are POST requests\n', { Allow: 'POST' })
    return
  }
  const encoding = headers.get('content-encoding')?.toLowerCase() ?? 'identity'
  if (encoding !== 'identity') {
    session.respond(415, `the body is compressed (${encoding}), which is not supported here\n`)
    return
  }
  const scheme = (ctx.chosen ?? ctx.plan)?.upstream?.upstream.scheme
  if (scheme !== undefined && scheme !== 'grpc' && scheme !== 'grpcs') {
    session.respond(502, `the upstream of this route has the scheme ${scheme}; gRPC needs "grpc" or "grpcs"\n`)
    return
  }
  if (request.bodyLength > most) {
    refuse(session, 413, TOO_LARGE)
    return
  }
  ctx.setState(NAME, new WebCall(type, headers.get('accept'), most))
  ctx.upstreamFields = {
    ...ctx.upstreamFields,
    'Content-Type': `application/grpc${type.suffix}`,
    TE: 'trailers',
    'grpc-accept-encoding': headers.get('grpc-accept-encoding') ?? 'identity',
    'content-length': undefined,
  }
  ctx.upstreamTarget ??= callPath(request.path, ctx.plan?.route.uris ?? [])
}
