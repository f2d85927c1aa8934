/**
 * Answers in place of an upstream that keeps failing, and lets it recover meanwhile: a circuit breaker for each host and path.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream_id: shop
 *     plugins:
 *       api-breaker:
 *         break_response_code: 503
 *         break_response_body: "{\"error\":\"$host is out of order\"}"
 *         break_response_headers: [{ key: Content-Type, value: application/json }]
 *         unhealthy: { http_statuses: [500], failures: 2 }
 *         healthy: { http_statuses: [200], successes: 1 }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/status/500      # 500
 * curl -i http://127.0.0.1:8080/status/500      # 500
 * curl -i http://127.0.0.1:8080/status/500      # 503, body: {"error":"127.0.0.1 is out of order"}, no upstream
 * curl -i http://127.0.0.1:8080/status/200      # 200: another path
 * ```
 *
 * After `failures` unhealthy answers the breaker opens for 2 seconds, after as many more for 4, then 8, at most `max_breaker_sec`. When that time is
 * over requests go through again: `successes` healthy answers close it for good, an unhealthy one adds to the failures. Answers of other statuses
 * count neither way. An upstream that cannot be reached counts as the 502 or 504 that the client gets.
 *
 * What is counted is the same for all workers of a node, and is kept for paths that fail alone: at most as many as the counters of the gateway
 * have room for.
 *
 * `break_response_headers` go with a `break_response_body`; their values and the body may have variables in them.
 *
 * Costs 0.3 µs before the upstream, and as much behind it for the statuses that count.
 */
import type { SharedTable } from '@sekisho/proxy'
import { isFieldValue, isFramingField, isToken } from '@sekisho/wire'
import { Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { compileText } from '../variables/template.ts'
import { Breaker } from './api-breaker/breaker.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { fieldValue } from './rewriting/header-fields.ts'

const strict = { additionalProperties: false } as const

const statuses = (least: number, most: number, standard: number, description: string) =>
  defaulted(
    Type.Array(Type.Integer({ minimum: least, maximum: most }), {
      minItems: 1,
      uniqueItems: true,
      default: [standard],
      description,
    }),
  )
const times = (description: string) => defaulted(Type.Integer({ minimum: 1, default: 3, description }))

const schema = Type.Object(
  {
    break_response_code: Type.Integer({ minimum: 200, maximum: 599, description: 'status in place of the upstream’s' }),
    break_response_body: Type.Optional(Type.String({ description: 'body of that answer, with variables' })),
    break_response_headers: Type.Optional(
      Type.Array(Type.Object({ key: Type.String({ minLength: 1 }), value: Type.String({ minLength: 1 }) }, strict), {
        description: 'fields of that answer, with variables in their values',
      }),
    ),
    max_breaker_sec: defaulted(
      Type.Integer({ minimum: 3, default: 300, description: 'seconds that the breaker stays open at most' }),
    ),
    unhealthy: defaulted(
      Type.Object(
        {
          http_statuses: statuses(500, 599, 500, 'statuses that count as failures'),
          failures: times('failures that open the breaker'),
        },
        { ...strict, default: {}, description: 'when it opens' },
      ),
    ),
    healthy: defaulted(
      Type.Object(
        {
          http_statuses: statuses(200, 499, 200, 'statuses that count as successes'),
          successes: times('successes in a row that close it'),
        },
        { ...strict, default: {}, description: 'when it closes' },
      ),
    ),
  },
  strict,
)

export default definePlugin({
  name: 'api-breaker',
  priority: 1005,
  schema,
  check({ break_response_headers: fields = [], break_response_body: body }) {
    for (const [index, { key, value }] of fields.entries()) {
      const path = `/break_response_headers/${index}`
      if (!isToken(key)) return { path: `${path}/key`, message: 'is not a header name; write letters, digits and "-"' }
      if (isFramingField(key)) return { path: `${path}/key`, message: 'is set by the gateway itself; remove it' }
      if (!isFieldValue(value)) return { path: `${path}/value`, message: 'has a control character; remove it' }
    }
    if (fields.length > 0 && body === undefined)
      return {
        path: '/break_response_headers',
        message: 'are sent with a "break_response_body" alone; add one, which may be ""',
      }
    return undefined
  },
  create(config, { counters, scope }) {
    const { healthy, unhealthy, break_response_code: code, break_response_body: written } = config
    const breaker = new Breaker(counters as SharedTable, scope, {
      failures: unhealthy.failures,
      successes: healthy.successes,
      maxOpenMs: config.max_breaker_sec * 1_000,
    })
    const isUnhealthy = new Set(unhealthy.http_statuses)
    const isHealthy = new Set(healthy.http_statuses)
    const body = written === undefined ? undefined : compileText(written)
    const fields = (config.break_response_headers ?? []).map(
      ({ key, value }): [string, ReturnType<typeof compileText>] => [key, compileText(value)],
    )

    const answer = (session: GatewaySession): void => {
      const { ctx } = session
      if (body === undefined) session.respond(code)
      else
        session.respond(code, body(ctx), Object.fromEntries(fields.map(([key, text]) => [key, fieldValue(text(ctx))])))
    }

    return {
      access(session) {
        if (breaker.isOpen(keyOf(session), Date.now())) answer(session)
      },
      // Not in `log`: plugins that run after this one may change the status.
      headerFilter(session) {
        const { response, attempts } = session
        if (response === undefined || attempts === 0) return
        if (isUnhealthy.has(response.status)) breaker.failed(keyOf(session), Date.now())
        else if (isHealthy.has(response.status)) breaker.succeeded(keyOf(session), Date.now())
      },
    }
  },
})

const keyOf = ({ ctx }: GatewaySession): string => `${ctx.host}\0${ctx.path}`
