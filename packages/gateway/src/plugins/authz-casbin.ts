/**
 * Lets requests on by a policy of [Casbin](https://casbin.org): who may do what with which path, by roles, patterns or owners.
 *
 * ```yaml
 * consumers:
 *   - { username: alice, plugins: { key-auth: { key: alice-key } } }
 *   - { username: bob, plugins: { key-auth: { key: bob-key } } }
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       key-auth: {}
 *       authz-casbin:
 *         username: X-Consumer-Username
 *         model: |
 *           [request_definition]
 *           r = sub, obj, act
 *           [policy_definition]
 *           p = sub, obj, act
 *           [role_definition]
 *           g = _, _
 *           [policy_effect]
 *           e = some(where (p.eft == allow))
 *           [matchers]
 *           m = g(r.sub, p.sub) && keyMatch(r.obj, p.obj) && regexMatch(r.act, p.act)
 *         policy: |
 *           p, reader, /orders/*, ^GET$
 *           p, editor, /orders/*, ^(GET|PUT)$
 *           g, alice, editor
 *           g, bob, reader
 * ```
 *
 * ```sh
 * curl -i -X PUT -H 'apikey: alice-key' http://127.0.0.1:8080/orders/7    # 200
 * curl -i -H 'apikey: bob-key' http://127.0.0.1:8080/orders/7             # 200
 * curl -i -X PUT -H 'apikey: bob-key' http://127.0.0.1:8080/orders/7      # 403, no upstream
 * ```
 *
 * The policy is asked for user, path and method. The path is decoded and normalised, without the query: what routes are
 * matched by, so that no other spelling of a path gets around the policy. The user is what stands in the header `username`, and
 * `anonymous` without one. **A client can write any header**: use `X-Consumer-Username`, which only the gateway sets, beside an auth
 * plugin, or a header that something before the gateway sets and clients cannot. The plugin runs in `access`, when the caller is known.
 *
 * Model and policy are text (`$file://model.conf` reads a file, and follows its changes), or files by `model_path` and `policy_path`,
 * read when the configuration comes into force. Without either those of `plugin_metadata` count:
 *
 * ```yaml
 * plugin_metadata:
 *   - { id: authz-casbin, model: $file://model.conf, policy: $file://policy.csv }
 * ```
 *
 * Needs `npm install casbin`. Where it is missing, or does not understand the model or policy, every request is answered 503,
 * and the log says why; a request for which the policy cannot be evaluated is a 403.
 *
 * Costs 0.3 µs for a user, path and method that were asked before (each worker remembers 4,096), 50 µs and more otherwise, with the policy's length.
 */
import { Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { loadDecisions, type PolicyDecisions } from './casbin/policy-decisions.ts'
import { modelProblem, policySource } from './casbin/policy-source.ts'
import { definePlugin } from './definition.ts'
import { readProblem } from './file-access.ts'

/** Characters. */
const MAX_TEXT = 1_048_576
const text = (description: string) => Type.String({ minLength: 1, maxLength: MAX_TEXT, description })

const schema = Type.Object(
  {
    username: Type.String({
      pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
      patternErrorMessage: 'must be a header name, as "X-Consumer-Username"',
      description: 'the header that says who asks',
    }),
    model: Type.Optional(text('the model as text')),
    policy: Type.Optional(text('the policy as text, a line for each rule')),
    model_path: Type.Optional(Type.String({ minLength: 1, description: 'or a file with the model' })),
    policy_path: Type.Optional(Type.String({ minLength: 1, description: 'and a file with the policy' })),
  },
  {
    additionalProperties: false,
    dependentRequired: {
      model: ['policy'],
      policy: ['model'],
      model_path: ['policy_path'],
      policy_path: ['model_path'],
    },
  },
)

const metadataSchema = Type.Object(
  {
    model: Type.Optional(text('the model of all places that have none of their own')),
    policy: Type.Optional(text('and the policy')),
  },
  { additionalProperties: false, dependentRequired: { model: ['policy'], policy: ['model'] } },
)

const DENIED = { message: 'Access Denied' }
const UNAVAILABLE = { message: 'the policy cannot be asked' }

export default definePlugin({
  name: 'authz-casbin',
  priority: 2560,
  placeless: true,
  schema,
  metadataSchema,
  check(config) {
    if (config.model !== undefined && config.model_path !== undefined)
      return { path: '/model_path', message: 'and "model" exclude each other; remove one of the two' }
    for (const name of ['model_path', 'policy_path'] as const) {
      const path = config[name]
      const message = path === undefined ? undefined : readProblem(path)
      if (message !== undefined) return { path: `/${name}`, message }
    }
    try {
      const source = policySource(config)
      const message = source && modelProblem(source.model)
      return message === undefined
        ? undefined
        : { path: config.model === undefined ? '/model_path' : '/model', message }
    } catch (error) {
      return { path: '/model_path', message: `or "policy_path" cannot be read: ${(error as Error).message}` }
    }
  },
  create(config, { metadata, logger, scope }) {
    const header = config.username.toLowerCase()
    let decisions: PolicyDecisions | 'none' | undefined
    const loading = load().catch((err: unknown) => {
      decisions = 'none'
      logger.error({ err, place: scope }, 'authz-casbin has no policy: every request is refused')
    })

    async function load(): Promise<void> {
      const source = policySource(config) ?? policySource(metadata)
      if (source === undefined) throw new Error('neither the plugin nor its metadata has a model and a policy')
      decisions = await loadDecisions(source)
    }

    let reported = false
    function decide(session: GatewaySession): void {
      if (decisions === undefined || decisions === 'none') return session.respond(503, UNAVAILABLE)
      const { ctx, request } = session
      try {
        if (decisions.allows(request.headers.get(header) ?? 'anonymous', ctx.path, ctx.method)) return undefined
      } catch (err) {
        if (!reported) logger.error({ err, place: scope }, 'the policy of authz-casbin cannot be evaluated')
        reported = true
      }
      return session.respond(403, DENIED)
    }

    return { access: (session) => (decisions === undefined ? loading.then(() => decide(session)) : decide(session)) }
  },
})
