/**
 * Refuses requests whose path or query matches one of several regular expressions: scanners that look for what you do not have.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream_id: shop
 *     plugins:
 *       uri-blocker: { block_rules: ["root.exe", "root.m+", "\\.git/"], rejected_msg: access is not allowed }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/root.exe?a=a        # 403, body: {"error_msg":"access is not allowed"}, no upstream
 * curl -i http://127.0.0.1:8080/x/%2egit/config     # 403: written in another way
 * curl -i http://127.0.0.1:8080/index.html          # 200
 * ```
 *
 * What is looked at is the path and query as the client sent them (`$request_uri`), and, where it reads differently, the path decoded and
 * normalised as routes match it: an encoded letter gets nobody through. Expressions match anywhere and tell upper from lower case unless
 * `case_insensitive` is set.
 *
 * Costs one run of all expressions, joined into one: 0.1 µs for a few simple ones, twice that for paths with encoded characters.
 */
import { compileRegularExpression } from '../expressions/index.ts'
import { Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { expressionProblem } from './expression-problem.ts'

const schema = Type.Object(
  {
    block_rules: Type.Array(Type.String({ minLength: 1, maxLength: 4_096 }), {
      uniqueItems: true,
      description: 'regular expressions; a request that matches one is refused',
    }),
    rejected_code: defaulted(
      Type.Integer({ minimum: 200, maximum: 599, default: 403, description: 'status of the refusal' }),
    ),
    rejected_msg: Type.Optional(
      Type.String({ minLength: 1, description: '`error_msg` in its body, which is empty otherwise' }),
    ),
    case_insensitive: defaulted(Type.Boolean({ default: false, description: 'upper and lower case are the same' })),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'uri-blocker',
  priority: 2900,
  placeless: true,
  schema,
  check: ({ block_rules: rules, case_insensitive: ignoresCase }) =>
    expressionProblem('/block_rules', () => compileRules(rules, ignoresCase)),
  create({ block_rules: rules, case_insensitive: ignoresCase, rejected_code: code, rejected_msg: message }) {
    const compiled = compileRules(rules, ignoresCase)
    const blocked = joined(compiled)
    if (blocked === undefined) return {}
    const body = message === undefined ? '' : { error_msg: message }
    return {
      rewrite(session) {
        const { target, path } = session.request
        const { path: normal } = session.ctx
        if (blocked(target) || (path !== normal && blocked(normal))) session.respond(code, body)
      },
    }
  },
})

const compileRules = (rules: readonly string[], ignoresCase: boolean): RegExp[] =>
  rules.map((rule, index) => compileRegularExpression(rule, ignoresCase, `/${index}`))

/** One expression of all where that means the same: not where they have flags of their own, or groups that are referred to by number or name. */
function joined(rules: readonly RegExp[]): ((text: string) => boolean) | undefined {
  const [first] = rules
  if (first === undefined) return undefined
  const alike = rules.every(({ flags, source }) => flags === first.flags && !/\\[1-9]|\(\?</.test(source))
  if (!alike) return (text) => rules.some((rule) => rule.test(text))
  const whole = new RegExp(rules.map(({ source }) => `(?:${source})`).join('|'), first.flags)
  return (text) => whole.test(text)
}
