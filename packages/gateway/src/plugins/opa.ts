/**
 * Asks an Open Policy Agent whether a request may go on, with the input document that APISIX sends.
 *
 * ```yaml
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       opa:
 *         host: http://127.0.0.1:8181
 *         policy: orders
 *         send_headers_upstream: [X-Role]
 * ```
 *
 * ```sh
 * # with: opa at 127.0.0.1:8181
 * curl -i http://127.0.0.1:8080/orders/7                                  # 200, upstream: X-Role: reader
 * curl -i -H 'X-Role: owner' http://127.0.0.1:8080/orders/7               # 200, no upstream: X-Role: owner
 * curl -i -X DELETE http://127.0.0.1:8080/orders/7                        # 403, body: readers may not delete
 * ```
 *
 * The policy is asked by `POST host/v1/data/policy`, with an input such as
 *
 * ```json
 * { "input": {
 *   "type": "http",
 *   "request": { "scheme": "http", "method": "GET", "host": "example.com", "port": 8080, "path": "/orders/7",
 *                "headers": { "accept": "text/html" }, "query": { "page": "2" } },
 *   "var": { "server_addr": "10.0.0.2", "server_port": "8080", "remote_addr": "10.0.0.9", "remote_port": "51312", "timestamp": 1790000000 }
 * } }
 * ```
 *
 * and `route`, `service` and `consumer` with the `with_…` options: as they are configured, without their upstreams and without their secrets (of a consumer
 * none of its credentials leave). A field or argument that came more than once is a list; an argument without `=` is `true`.
 *
 * The policy's result is an object. **`allow: true`** lets the request on, with those of its `headers` that `send_headers_upstream` names; a client
 * cannot send these itself. **Anything else** refuses it, with its `status_code` (403), `headers` and `reason` (the body).
 *
 * **No answer** refuses with 403, **an answer that is no result** (an error of the agent, a policy that is not there) with 503. Either is told
 * to the log once, when it begins and when it ends, and counted in `sekisho_plugin_calls_total`. At most 1,000 calls of a worker wait at a time.
 *
 * Costs one call for each request, and 25 µs.
 */
import { Type } from '../schema/type.ts'
import { ServiceClient, type ServiceAnswer } from '../side-calls/index.ts'
import { handedOnProblem, serviceFields, servicePeer, urlProblem } from '../side-calls/service-fields.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { ForgedFields } from './forged-fields.ts'
import { readDecision } from './opa/decision.ts'
import { opaInput } from './opa/input.ts'

const schema = Type.Object(
  {
    host: Type.String({ description: 'URL of the agent: `http://127.0.0.1:8181`' }),
    policy: Type.String({ minLength: 1, description: 'path of the policy below `/v1/data`: `orders`, `orders/read`' }),
    with_route: defaulted(Type.Boolean({ default: false, description: 'the input has the route, as `route`' })),
    with_service: defaulted(Type.Boolean({ default: false, description: 'the input has its service, as `service`' })),
    with_consumer: defaulted(
      Type.Boolean({ default: false, description: 'the input has the consumer who calls, as `consumer`' }),
    ),
    send_headers_upstream: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description: 'fields of the result that the upstream gets; those of the client are taken out',
      }),
    ),
    ...serviceFields,
  },
  { additionalProperties: false },
)

const JSON_BODY = { 'Content-Type': 'application/json' } as const

export default definePlugin({
  name: 'opa',
  priority: 2001,
  schema,
  check({ host, policy, send_headers_upstream: fields = [] }) {
    const wrong = urlProblem(host)
    if (wrong !== undefined) return { path: '/host', message: wrong }
    if (!/^[\w./-]+$/.test(policy)) {
      return { path: '/policy', message: 'may hold letters, digits and "_", "-", ".", "/"; write it as "orders/read"' }
    }
    for (const [index, name] of fields.entries()) {
      const message = handedOnProblem(name)
      if (message !== undefined) return { path: `/send_headers_upstream/${index}`, message }
    }
    return undefined
  },
  create(config, context) {
    const { send_headers_upstream: wanted = [] } = config
    const url = new URL(`${config.host.replace(/\/+$/, '')}/v1/data/${config.policy.replace(/^\/+/, '')}`)
    const client = new ServiceClient(
      { plugin: 'opa', timeoutMs: config.timeout, peer: servicePeer(config), consequence: 'requests are refused' },
      context,
    )
    // What a client says of itself in these is never believed.
    const forged = new ForgedFields(wanted)
    return {
      async access(session) {
        const body = JSON.stringify({ input: opaInput(session, config) })
        forged.drop(session.request.headers)
        let answer: ServiceAnswer
        try {
          answer = await client.call(url, { method: 'POST', headers: JSON_BODY, body })
        } catch {
          session.respond(403)
          return
        }
        if (session.finishedAt !== 0) return
        const decision = readDecision(answer)
        if (typeof decision === 'string') {
          client.refused(url, decision)
          session.respond(503)
        } else if (!decision.allow) {
          session.respond(decision.status, decision.reason, decision.headers)
        } else {
          for (const name of wanted) {
            const value = decision.headers[name.toLowerCase()]
            if (value !== undefined) session.request.headers.set(name, value)
          }
        }
      },
    }
  },
})
