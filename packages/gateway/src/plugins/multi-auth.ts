/**
 * Lets in callers that one of several auth plugins recognises: old clients by key, new ones by token, on the same route.
 *
 * ```yaml
 * consumers:
 *   - { username: jack, plugins: { basic-auth: { username: jack, password: s3cret } } }
 *   - { username: app, plugins: { key-auth: { key: app-key } } }
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       multi-auth:
 *         auth_plugins:
 *           - basic-auth: {}
 *           - key-auth: { header: X-API-Key, hide_credentials: true }
 * ```
 *
 * ```sh
 * curl -i -u jack:s3cret http://127.0.0.1:8080/orders/7                # 200, upstream: X-Consumer-Username: jack
 * curl -i -H 'X-API-Key: app-key' http://127.0.0.1:8080/orders/7       # 200, upstream: X-Consumer-Username: app
 * curl -i http://127.0.0.1:8080/orders/7                               # 401, WWW-Authenticate: Basic, no upstream
 * ```
 *
 * The plugins are asked in the order in which they are written, until one finds a consumer. What each takes is written with it,
 * as on a route; they do not stand on the route besides. When none does the answer is a 401 with the challenges of all of them; the
 * answer does not say which of them missed what. When one could not decide, because what it asks is away, its 5xx is the answer.
 *
 * An `anonymous_consumer` belongs to the last plugin: those behind it would never be asked.
 *
 * Costs what the plugins cost that are asked, and 1 µs for each that says no.
 */
import type { ResponseHead } from '@sekisho/wire'
import { Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    auth_plugins: Type.Array(
      Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown()), { minProperties: 1 }),
      { minItems: 2, description: 'auth plugins with their configurations, in the order in which they are asked' },
    ),
  },
  { additionalProperties: false },
)

type AuthPlugins = readonly Readonly<Record<string, Readonly<Record<string, unknown>>>>[]

const written = (plugins: AuthPlugins) =>
  plugins.flatMap((set, index) =>
    Object.entries(set).map(([name, config]) => ({
      path: `/auth_plugins/${index}/${name}`,
      name,
      config,
      type: 'auth' as const,
    })),
  )

export default definePlugin({
  name: 'multi-auth',
  priority: 2600,
  type: 'auth',
  schema,
  uses: ({ auth_plugins: plugins }) => ({ plugins: written(plugins) }),
  create({ auth_plugins: plugins }, { instance }) {
    const all = written(plugins).map(({ name, config }) => instance(name, config))

    function ask(session: GatewaySession, from: number, refusals: ResponseHead[]): void | Promise<void> {
      for (let at = from; at < all.length; at++) {
        const waiting = all[at]!.rewrite?.(session)
        if (waiting !== undefined) {
          return waiting.then(() => (isDone(session, refusals) ? undefined : ask(session, at + 1, refusals)))
        }
        if (isDone(session, refusals)) return undefined
      }
      return refuse(session, refusals)
    }
    return { rewrite: (session) => ask(session, 0, []) }
  },
})

/** Whether the plugin that was asked last knows the caller; what it said otherwise is taken back. */
function isDone(session: GatewaySession, refusals: ResponseHead[]): boolean {
  const refusal = session.withdrawResponse()
  if (refusal !== undefined) refusals.push(refusal)
  // A plugin that lets a caller pass without knowing who it is has recognised nobody. finishedAt: the client left meanwhile.
  else if (session.ctx.consumer !== undefined || session.finishedAt !== 0) return true
  return false
}

function refuse(session: GatewaySession, refusals: readonly ResponseHead[]): void {
  const undecided = refusals.find(({ status }) => status >= 500)
  if (undecided !== undefined)
    return session.respond(undecided.status, { message: 'the credentials cannot be checked now' })
  const challenges = refusals.flatMap(({ headers }) => headers.getAll('www-authenticate'))
  const fields = challenges.length === 0 ? {} : { 'WWW-Authenticate': challenges }
  session.respond(401, { message: 'none of the credentials that this takes is valid' }, fields)
}
