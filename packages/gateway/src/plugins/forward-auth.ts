/**
 * Asks a service of yours whether a request may go on: by its address, its method and the headers that you name.
 *
 * ```yaml
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       forward-auth:
 *         uri: http://127.0.0.1:9095/auth
 *         request_headers: [Authorization]
 *         upstream_headers: [X-User-ID]
 *         client_headers: [Location]
 * ```
 *
 * ```sh
 * # with: auth-server at 127.0.0.1:9095
 * curl -i http://127.0.0.1:8080/orders/7                                     # 401, body: who are you?
 * curl -i -H 'Authorization: Bearer jack' http://127.0.0.1:8080/orders/7     # 200, upstream: X-User-ID: jack
 * curl -i -H 'X-User-ID: root' -H 'Authorization: Bearer jack' http://127.0.0.1:8080/orders/7   # 200, no upstream: X-User-ID: root
 * curl -i -H 'Authorization: Bearer lost' http://127.0.0.1:8080/orders/7     # 302, Location: /sign-in
 * ```
 *
 * The service gets `X-Forwarded-Proto`, `-Method`, `-Host`, `-Uri` and `-For` of the request, then `extra_headers`, then what `request_headers` names. With
 * `request_method: POST` it gets the body too, which is kept in memory for that: at most `max_req_body_size` bytes, and a longer one is a 413.
 *
 * **A status below 300** lets the request on. The fields of `upstream_headers` are taken over from the answer; a client cannot send these itself.
 * **Any other status** goes to the client with the body, its type and `client_headers`.
 *
 * **No answer** (the service is away, takes longer than `timeout`, or answers more than 1 MiB) refuses the request with `status_on_error`;
 * `allow_degradation` lets it on instead, without `upstream_headers`. Either is told to the log once, when it begins and when it ends, and counted
 * in `sekisho_plugin_calls_total`. At most 1,000 calls of a worker wait at a time.
 *
 * Costs one call for each request, and 10 µs.
 */
import { Headers } from '@sekisho/wire'
import { Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { ServiceClient, type ServiceAnswer } from '../side-calls/index.ts'
import { handedOnProblem, serviceFields, servicePeer, urlProblem } from '../side-calls/service-fields.ts'
import { compileText, type TextTemplate } from '../variables/template.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { ForgedFields } from './forged-fields.ts'
import { fieldValue } from './rewriting/header-fields.ts'

const names = (description: string) => defaulted(Type.Array(Type.String(), { default: [], description }))

const schema = Type.Object(
  {
    uri: Type.String({ description: 'URL of the service: `http://auth.internal:9000/check`' }),
    request_method: defaulted(
      Type.Enum(['GET', 'POST'], { default: 'GET', description: 'how the service is asked; `POST`: with the body' }),
    ),
    request_headers: names('fields of the request that the service gets'),
    extra_headers: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        minProperties: 1,
        description: 'further fields for the service, by name; variables such as `$remote_addr` are filled in',
      }),
    ),
    upstream_headers: names('fields of the answer that the upstream gets; those of the client are taken out'),
    client_headers: names('fields of the answer that the client gets when the request is refused'),
    max_req_body_size: defaulted(
      Type.Integer({
        minimum: 1,
        default: 1_048_576,
        description: 'bytes of a request body that are kept for `request_method: POST`; APISIX: 67108864',
      }),
    ),
    allow_degradation: defaulted(
      Type.Boolean({ default: false, description: 'true: requests go on, unchecked, while the service is away' }),
    ),
    status_on_error: defaulted(
      Type.Integer({ minimum: 200, maximum: 599, default: 403, description: 'the answer when the service gives none' }),
    ),
    ...serviceFields,
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'forward-auth',
  priority: 2002,
  schema,
  check(config) {
    const wrong = urlProblem(config.uri)
    if (wrong !== undefined) return { path: '/uri', message: wrong }
    for (const list of ['request_headers', 'upstream_headers', 'client_headers'] as const) {
      for (const [index, name] of config[list].entries()) {
        const message = handedOnProblem(name)
        if (message !== undefined) return { path: `/${list}/${index}`, message }
      }
    }
    for (const name of Object.keys(config.extra_headers ?? {})) {
      const message = handedOnProblem(name)
      if (message !== undefined) return { path: '/extra_headers', message }
    }
    return undefined
  },
  create(config, context) {
    const { uri, request_method: method, upstream_headers, allow_degradation: degrades, status_on_error } = config
    const url = new URL(uri)
    const client = new ServiceClient(
      {
        plugin: 'forward-auth',
        timeoutMs: config.timeout,
        peer: servicePeer(config),
        consequence: degrades ? 'requests go on unchecked' : `requests are refused with ${status_on_error}`,
      },
      context,
    )
    const extra = Object.entries(config.extra_headers ?? {}).map(([name, text]) => [name, compileText(text)] as const)
    // What a client says of itself in these is never believed.
    const forged = new ForgedFields(upstream_headers)
    const withBody = method === 'POST'

    return {
      async access(session) {
        const body = withBody ? await session.readBody(config.max_req_body_size) : undefined
        const headers = questionFields(session, extra, config.request_headers, withBody)
        forged.drop(session.request.headers)
        let answer: ServiceAnswer
        try {
          answer = await client.call(url, { method, headers, body })
        } catch {
          if (!degrades) session.respond(status_on_error)
          return
        }
        if (session.finishedAt !== 0) return
        if (answer.status >= 300) return refuse(session, answer, config.client_headers)
        for (const name of upstream_headers) {
          const values = answer.headers.getAll(name)
          if (values.length > 0) session.request.headers.set(name, values)
        }
      },
    }
  },
})

function questionFields(
  { ctx, request, secure }: GatewaySession,
  extra: readonly (readonly [string, TextTemplate])[],
  asked: readonly string[],
  withBody: boolean,
): Headers {
  const fields = new Headers()
  fields.set('X-Forwarded-Proto', secure ? 'https' : 'http')
  fields.set('X-Forwarded-Method', ctx.method)
  fields.set('X-Forwarded-Host', ctx.host)
  fields.set('X-Forwarded-Uri', request.target)
  fields.set('X-Forwarded-For', ctx.remoteAddr)
  if (withBody) copy(request.headers, fields, 'Content-Encoding')
  for (const [name, text] of extra) fields.set(name, fieldValue(text(ctx)))
  for (const name of asked) if (!fields.has(name)) copy(request.headers, fields, name)
  return fields
}

function copy(from: Headers, to: Headers, name: string): void {
  const values = from.getAll(name)
  if (values.length > 0) to.set(name, values)
}

function refuse(session: GatewaySession, answer: ServiceAnswer, wanted: readonly string[]): void {
  const fields: Record<string, string[]> = {}
  for (const name of ['Content-Type', ...wanted]) {
    const values = answer.headers.getAll(name)
    if (values.length > 0) fields[name.toLowerCase()] = values
  }
  session.respond(answer.status, answer.body, fields)
}
