/**
 * Changes the answers that the gateway gives itself (401, 404, 429, 502, …) by JavaScript functions: other statuses, other bodies, other fields.
 *
 * ```yaml
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       key-auth: {}
 *       exit-transformer:
 *         functions:
 *           - |
 *             (session, { status, body }) => status === 401
 *               ? { status: 403, body: { error: body.message, path: session.request.path }, headers: { 'X-Why': 'no key' } }
 *               : undefined
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/orders/7                       # 403, X-Why: no key, body: "path":"/orders/7"
 * curl -i -X OPTIONS http://127.0.0.1:8080/orders/7            # 403, no upstream
 * ```
 *
 * A function is called with the session, as those of [serverless-pre-function](serverless-pre-function.md), which it can read alone, and the answer: its `status`, its `headers` by name in lower
 * case, and its `body`, an object where it is JSON, text otherwise. It returns what shall be different: `status`, `body` (an object leaves as JSON) and `headers`, where
 * `null` takes a field out. What it does not name stays, and nothing at all is all of it. Several functions have their turn one after the other, each with what the one before made of
 * the answer. Responses of upstreams and caches are left alone. For requests that no route takes, put the plugin into a global rule.
 *
 * In APISIX the functions are Lua, `function(code, body, header)`. Those are refused: write them as `(session, { status, body, headers }) => …`.
 *
 * Functions run in a sandbox as those of [serverless-pre-function](serverless-pre-function.md), with its bounds. One that fails, or returns something else,
 * leaves the answer as it was (`fail_policy: open`), or makes it an empty 500 (`closed`). It is counted and logged.
 *
 * Costs 1 µs for a response of an upstream, and 20 µs for an answer of the gateway.
 */
import { Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { exitHooks } from './exit-transformer/exit-hooks.ts'
import { functionFields, functionProblem } from './serverless/options.ts'

const schema = Type.Object(
  {
    ...functionFields,
    fail_policy: defaulted(
      Type.Enum(['open', 'closed'], {
        default: 'open',
        description: 'what becomes of an answer when a function fails: it leaves as it was, or is an empty 500',
      }),
    ),
  },
  { additionalProperties: false },
)

const REMEDY = 'write (session, { status, body, headers }) => ({ status: 403, body: { error: body.message } })'

export default definePlugin({
  name: 'exit-transformer',
  priority: 22_950,
  schema,
  check(config) {
    const problem = functionProblem(config)
    if (problem === undefined || !problem.path.startsWith('/functions')) return problem
    return { path: problem.path, message: `${problem.message.replace(/; write .*$/, '')}; ${REMEDY}` }
  },
  create: (config, context) => exitHooks(config, context),
})
