/**
 * Lets in, or keeps out, clients by their User-Agent: regular expressions of either an `allowlist` (nobody else may) or
 * a `denylist` (everybody else may). They match anywhere in the header and tell upper from lower case, unless they
 * begin with `(?i)`.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream_id: shop
 *     plugins:
 *       ua-restriction: { denylist: ["(?i)badbot", "^curl/"], bypass_missing: true }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/                        # 403, no upstream
 * curl -i -A 'Mozilla/5.0' http://127.0.0.1:8080/       # 200
 * curl -i -A 'BADBOT/2' http://127.0.0.1:8080/          # 403
 * ```
 *
 * Of several User-Agent fields, one on the denylist is enough to be kept out, and one on the allowlist to be let in. A
 * client may send any User-Agent it likes: this keeps out the honest, not the determined.
 *
 * Costs one regular expression after another until one matches, 0.04 µs each for simple ones.
 */
import { Type } from '../schema/type.ts'
import { compileRegularExpression } from '../expressions/index.ts'
import { needsOneOf, notBoth } from '../resources/constraints.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { expressionProblem } from './expression-problem.ts'

const patterns = (description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description }))

const schema = Type.Object(
  {
    bypass_missing: defaulted(
      Type.Boolean({ default: false, description: 'true: requests without User-Agent may pass' }),
    ),
    allowlist: patterns('regular expressions; clients that match one may, all others may not'),
    denylist: patterns('regular expressions; clients that match one may not, all others may'),
    message: defaulted(
      Type.String({
        default: 'Not allowed',
        minLength: 1,
        maxLength: 1024,
        description: '"message" in the body of the 403 for those who may not',
      }),
    ),
  },
  {
    additionalProperties: false,
    allOf: [
      needsOneOf('"ua-restriction"', ['allowlist', 'denylist']),
      notBoth('"ua-restriction"', 'allowlist', 'denylist'),
    ],
  },
)

export default definePlugin({
  name: 'ua-restriction',
  priority: 2999,
  placeless: true,
  schema,
  check({ allowlist, denylist }) {
    return (
      expressionProblem('/allowlist', () => compileAll(allowlist ?? [])) ??
      expressionProblem('/denylist', () => compileAll(denylist ?? []))
    )
  },
  create({ bypass_missing: bypass, allowlist, denylist, message }) {
    const listed = compileAll(allowlist ?? denylist ?? [])
    const wanted = allowlist !== undefined
    const body = { message }
    return {
      access(session) {
        const agents = session.request.headers.getAll('user-agent')
        const allowed =
          agents.length === 0
            ? bypass
            : agents.some((agent) => listed.some((pattern) => pattern.test(agent))) === wanted
        if (!allowed) session.respond(403, body)
      },
    }
  },
})

const compileAll = (list: readonly string[]): RegExp[] =>
  list.map((source, index) => compileRegularExpression(source, false, `/${index}`))
