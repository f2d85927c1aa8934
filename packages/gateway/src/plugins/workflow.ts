/**
 * Does one thing for some requests and another for others: refuses them, or holds them to limits of their own.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream_id: shop
 *     plugins:
 *       workflow:
 *         rules:
 *           - case: [["uri", "==", "/internal"]]
 *             actions: [["return", { code: 403 }]]
 *           - case: [["http_x_tier", "==", "free"]]
 *             actions: [["limit-count", { count: 1, time_window: 60, rejected_code: 429 }]]
 *           - actions: [["limit-count", { count: 100, time_window: 60, rejected_code: 429 }]]
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/internal                  # 403, body: {"error_msg":"rejected by workflow"}, no upstream
 * curl -i -H 'X-Tier: free' http://127.0.0.1:8080/a       # 200, X-RateLimit-Limit: 1
 * curl -i -H 'X-Tier: free' http://127.0.0.1:8080/a       # 429
 * curl -i http://127.0.0.1:8080/a                         # 200, X-RateLimit-Remaining: 99
 * ```
 *
 * The first rule whose `case` (an expression, as `vars` of a route) is true decides; one without a `case` is for all. A request that no rule is for goes on.
 *
 * Actions are `return` with a `code`, and `limit-count`, `limit-conn` and `limit-req` with the options that they have as plugins; each counts for
 * itself. A rule has one action.
 *
 * Costs the expressions, and what the action costs.
 */
import { compileExpression } from '../expressions/index.ts'
import { type Static, Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { type ConfigProblem, definePlugin, type PluginHooks } from './definition.ts'
import { expressionProblem } from './expression-problem.ts'

const Rule = Type.Object(
  {
    case: Type.Optional(
      Type.Array(Type.Union([Type.Array(Type.Unknown()), Type.String()]), {
        minItems: 1,
        description: 'expression; the rule is for requests that it is true for',
      }),
    ),
    actions: Type.Array(Type.Array(Type.Unknown(), { minItems: 1 }), {
      minItems: 1,
      description: 'one action: its name, and its options',
    }),
  },
  { additionalProperties: false },
)

const schema = Type.Object(
  { rules: Type.Array(Rule, { description: 'the first that is for a request decides' }) },
  { additionalProperties: false },
)

type Action = Static<typeof Rule>['actions'][number]

const LIMITS: ReadonlySet<unknown> = new Set(['limit-count', 'limit-conn', 'limit-req'])
const REJECTED = { error_msg: 'rejected by workflow' }

export default definePlugin({
  name: 'workflow',
  priority: 1006,
  schema,
  uses: ({ rules }) => ({
    plugins: rules.flatMap(({ actions: [[name, config]] }, index) =>
      typeof name === 'string' && LIMITS.has(name) && isOptions(config)
        ? [{ path: `/rules/${index}/actions/0/1`, name, config }]
        : [],
    ),
  }),
  check({ rules }) {
    for (const [index, { case: condition, actions }] of rules.entries()) {
      const path = `/rules/${index}`
      if (actions.length > 1)
        return { path: `${path}/actions`, message: 'has several actions, and only the first would run; keep one' }
      const wrong =
        expressionProblem(`${path}/case`, () => condition === undefined || compileExpression(condition)) ??
        checkAction(actions[0], `${path}/actions/0`)
      if (wrong !== undefined) return wrong
    }
    return undefined
  },
  create({ rules: written }, context) {
    const rules = written.map(({ case: condition, actions: [[name, config]] }) => ({
      applies: condition === undefined ? undefined : compileExpression(condition),
      action: name === 'return' ? rejecting(config as Return) : context.instance(name as string, config as object),
    }))
    const actions = rules.map(({ action }) => action)
    // A global rule and a route may both have one.
    const state = `workflow ${context.scope}`
    const chosen = ({ ctx }: GatewaySession): PluginHooks | undefined => ctx.getState<PluginHooks>(state)
    const having = (phase: keyof PluginHooks): boolean => actions.some((action) => action[phase] !== undefined)
    return {
      access(session) {
        const { ctx } = session
        for (const { applies, action } of rules) {
          if (applies !== undefined && !applies(ctx)) continue
          ctx.setState(state, action)
          return action.access?.(session)
        }
        return undefined
      },
      headerFilter: having('headerFilter') ? (session) => chosen(session)?.headerFilter?.(session) : undefined,
      log: having('log') ? (session) => chosen(session)?.log?.(session) : undefined,
    }
  },
})

interface Return {
  readonly code: number
}

const rejecting = ({ code }: Return): PluginHooks => ({
  access: (session) => session.respond(code, REJECTED),
})

const isOptions = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Options of limits are checked as those of the plugins. */
function checkAction([name, config, ...more]: Action, path: string): ConfigProblem | undefined {
  if (name !== 'return' && !LIMITS.has(name))
    return {
      path: `${path}/0`,
      message: 'is no action; write "return", "limit-count", "limit-conn" or "limit-req"',
    }
  if (!isOptions(config)) return { path: `${path}/1`, message: `must be the options of "${name as string}"` }
  if (more.length > 0) return { path: `${path}/2`, message: 'stands behind the options; remove it' }
  if (name !== 'return') return undefined
  const { code, ...rest } = config
  const [other] = Object.keys(rest)
  if (other !== undefined) return { path: `${path}/1/${other}`, message: 'is not an option of "return"; remove it' }
  const isCode = typeof code === 'number' && Number.isInteger(code) && code >= 200 && code <= 599
  return isCode ? undefined : { path: `${path}/1/code`, message: 'must be a status from 200 to 599' }
}
