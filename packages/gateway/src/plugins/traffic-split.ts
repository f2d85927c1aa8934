/**
 * Sends a part of the requests to other upstreams: by weight (a canary release), by rule (testers, a header), or both.
 *
 * ```yaml
 * upstreams:
 *   - { id: shop, nodes: { "127.0.0.1:3000": 1 } }
 *   - { id: shop-next, nodes: { "127.0.0.1:3001": 1 }, pass_host: rewrite, upstream_host: next.example }
 * routes:
 *   - uri: /*
 *     upstream_id: shop
 *     plugins:
 *       traffic-split:
 *         rules:
 *           - match: [{ vars: [["http_x_canary", "==", "1"]] }]
 *             weighted_upstreams: [{ upstream_id: shop-next }]
 *           - weighted_upstreams:
 *               - { upstream_id: shop-next, weight: 1 }
 *               - { weight: 1 }
 * ```
 *
 * ```sh
 * curl -i -H 'X-Canary: 1' http://127.0.0.1:8080/    # 200, upstream: host: next.example
 * curl -i http://127.0.0.1:8080/                     # 200, upstream: host: next.example
 * curl -i http://127.0.0.1:8080/                     # 200, upstream: host: 127.0.0.1:8080
 * curl -i http://127.0.0.1:8080/                     # 200, upstream: host: next.example
 * ```
 *
 * The first rule that matches decides: one with no `match`, or with an entry of `match` whose expressions are true. Within it upstreams take turns by
 * `weight`, evenly spread (smooth weighted round robin, in each worker). An entry without an upstream is the route's own. When no rule matches, the
 * request goes to the route's own upstream, too.
 *
 * An `upstream` within the rule is as one within a route: balancing, retries, health checks, service discovery, functions and all. One that `upstream_id`
 * names is shared with everybody who names it. `name` is for people. Certificates of upstreams are verified, also of those within rules: APISIX does
 * not, unless `tls.verify` says so.
 *
 * Costs 0.1 µs and the expressions.
 */
import { compileExpression, type Condition } from '../expressions/index.ts'
import type { UpstreamChoice } from '../gateway/nested-target.ts'
import { notBoth } from '../resources/constraints.ts'
import { Upstream } from '../resources/upstream.ts'
import { type Static, type TSchema, Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import type { NestedUpstream } from './definition.ts'
import { type ConfigProblem, definePlugin } from './definition.ts'
import { expressionProblem } from './expression-problem.ts'
import { SmoothWeights } from './traffic-split/smooth-weights.ts'

const strict = { additionalProperties: false } as const

const WeightedUpstream = Type.Object(
  {
    upstream_id: Type.Optional(
      Type.Union([Type.String({ minLength: 1 }), Type.Integer()], { description: 'one that all may use' }),
    ),
    upstream: Type.Optional(Upstream),
    weight: defaulted(Type.Integer({ minimum: 0, default: 1, description: 'its part of all weights; 0: none' })),
  },
  { ...strict, allOf: [notBoth('an entry', 'upstream', 'upstream_id')] },
)

const Rule = Type.Object(
  {
    match: Type.Optional(
      Type.Array(
        Type.Object(
          { vars: Type.Optional(Type.Array(Type.Unknown(), { description: 'an expression, as `vars` of a route' })) },
          strict,
        ),
        { description: 'the rule is for requests that one of these is true for; left out: for all' },
      ),
    ),
    weighted_upstreams: defaulted(
      Type.Array(WeightedUpstream, {
        minItems: 1,
        maxItems: 20,
        default: [{ weight: 1 }],
        description: 'who takes turns',
      }),
    ),
  },
  strict,
)

const schema = Type.Object(
  { rules: Type.Optional(Type.Array(Rule, { description: 'the first that matches decides' })) },
  strict,
)

type Config = Static<typeof schema>

export default definePlugin({
  name: 'traffic-split',
  priority: 966,
  schema,
  uses: ({ rules = [] }) => ({
    upstreams: rules.flatMap((rule, at) =>
      rule.weighted_upstreams.flatMap((_, index) => nestedUpstream(rule, at, index) ?? []),
    ),
  }),
  check({ rules = [] }) {
    for (const [at, { match, weighted_upstreams: entries }] of rules.entries()) {
      const wrong = checkMatch(match, `/rules/${at}/match`)
      if (wrong !== undefined) return wrong
      if (entries.every(({ weight }) => weight === 0))
        return { path: `/rules/${at}/weighted_upstreams`, message: 'all weights are 0; give one of them a turn' }
    }
    return undefined
  },
  create({ rules: written = [] }, context) {
    const rules = written.map((rule, at) => ({
      applies: conditionOf(rule.match),
      choices: rule.weighted_upstreams.map((_, index): UpstreamChoice | undefined => {
        const nested = nestedUpstream(rule, at, index)
        return nested === undefined ? undefined : context.upstream(nested)
      }),
      turns: new SmoothWeights(rule.weighted_upstreams.map(({ weight }) => weight)),
    }))
    if (rules.length === 0) return {}
    return {
      access({ ctx }) {
        for (const { applies, choices, turns } of rules) {
          if (applies !== undefined && !applies(ctx)) continue
          const choice = choices[turns.next()]
          if (choice !== undefined) ctx.chosen = choice.at(ctx.plan?.route.timeout)
          return
        }
      },
    }
  },
})

type WrittenRule = NonNullable<Config['rules']>[number]

/** undefined: the route's own. */
function nestedUpstream(rule: WrittenRule, at: number, index: number): NestedUpstream | undefined {
  const { upstream, upstream_id: id } = rule.weighted_upstreams[index]
  const base = `/rules/${at}/weighted_upstreams/${index}`
  if (upstream !== undefined) return { path: `${base}/upstream`, upstream: withoutNodeDefaults(upstream) }
  return id === undefined ? undefined : { path: `${base}/upstream_id`, upstreamId: String(id) }
}

/** The defaults of nodes, which are filled in here, have no meaning for a function. */
function withoutNodeDefaults(upstream: Static<typeof Upstream>): Static<typeof Upstream> {
  if (upstream.function === undefined) return upstream
  const properties = Upstream.properties as Readonly<Record<string, TSchema & { readonly default?: unknown }>>
  return Object.fromEntries(
    Object.entries(upstream).filter(([field, value]) => value !== properties[field]?.default),
  ) as Static<typeof Upstream>
}

/** undefined: for all requests. */
function conditionOf(match: WrittenRule['match']): Condition | undefined {
  if (match === undefined || match.length === 0 || match.some(({ vars = [] }) => vars.length === 0)) return undefined
  const conditions = match.map(({ vars = [] }) => compileExpression(vars))
  const [only] = conditions
  return conditions.length === 1 ? only : (context) => conditions.some((condition) => condition(context))
}

function checkMatch(match: WrittenRule['match'] = [], path: string): ConfigProblem | undefined {
  for (const [index, { vars = [] }] of match.entries()) {
    const wrong = expressionProblem(`${path}/${index}/vars`, () => compileExpression(vars))
    if (wrong !== undefined) return wrong
  }
  return undefined
}
