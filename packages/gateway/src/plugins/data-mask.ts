/**
 * Takes what logs must not have out of requests, before they are logged: query arguments, header fields, parts of bodies.
 *
 * ```yaml
 * plugin_metadata:
 *   - { id: http-logger, log_format: { uri: $request_uri, key: $http_x_key } }
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       http-logger: { uri: "http://127.0.0.1:9095/", batch_max_size: 1 }
 *       data-mask:
 *         request:
 *           - { type: query, name: token, action: replace, value: "***" }
 *           - { type: query, name: password, action: remove }
 *           - { type: header, name: X-Key, action: regex, regex: "^(..).*$", value: "$1…" }
 *           - { type: body, body_format: json, name: "$.cards[*].number", action: remove }
 * ```
 *
 * ```sh
 * # with: http-sink at 127.0.0.1:9095
 * curl -i -H 'X-Key: abcdef' 'http://127.0.0.1:8080/a?token=s3cret&page=2&password=x'   # 200, upstream: X-Key: abcdef, upstream: GET /a?token=s3cret&page=2&password=x
 * # http-sink got: "uri":"/a?token=***&page=2"
 * # http-sink got: "key":"ab
 * ```
 *
 * It acts when the request has been answered, so upstreams and other plugins see everything. What it hides is hidden from all loggers **of the same place** and from the
 * access log. Loggers of a global rule run before the plugins of routes: for them put `data-mask` into the same global rule.
 *
 * **Names.** Of a header: in any case. Of a query or form: as it reads decoded; all of that name. Of JSON: a path (`$.user.password`,
 * `$.cards[0].number`, `$.cards[*].number`, `$.*`, `$['a b']`, `$..password` for any depth; `password` is `$.password`). Filters, slices and lists within brackets are refused.
 *
 * **Actions.** `remove`; `replace` by `value`; `regex`: all matches of `regex` within the text become `value`, with captures as `$1`. A text of more than
 * 8,192 characters is not searched: it becomes `***`.
 *
 * **A body that cannot be masked is not logged**: `***` stands for one that is longer than `max_body_size`, has more fields than
 * `max_req_post_args`, was cut by the logger's own limit so that it is no JSON any more, or is in none of the formats of the rules. A JSON body that only has rules for
 * forms is logged as it is. Bodies are only looked at when a logger has kept them.
 *
 * Costs about 1 µs for a query or some fields.
 */
import { ExpressionError } from '../expressions/index.ts'
import { type Static, Type } from '../schema/type.ts'
import { maskedBodies } from './data-mask/body-masks.ts'
import { maskChange } from './data-mask/mask-change.ts'
import { JsonPathError } from './data-mask/json-path.ts'
import { headerMasks, queryMasks } from './data-mask/head-masks.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { LOG_MASK, type LogMask } from './logging/log-entry.ts'

const Rule = Type.Object(
  {
    type: Type.Enum(['query', 'header', 'body'], { description: 'where it is' }),
    name: Type.String({ minLength: 1, description: 'of the argument, field, or path in JSON' }),
    action: Type.Enum(['regex', 'replace', 'remove'], { description: 'what happens to it' }),
    body_format: Type.Optional(
      Type.Enum(['json', 'urlencoded'], { description: 'of a body: how it is read; required there' }),
    ),
    regex: Type.Optional(Type.String({ minLength: 1, description: 'for `regex`: what to look for' })),
    value: Type.Optional(Type.String({ description: 'for `replace` and `regex`: what takes its place' })),
  },
  { additionalProperties: false },
)

const schema = Type.Object(
  {
    request: Type.Optional(Type.Array(Rule, { description: 'what is masked, in this order' })),
    max_body_size: defaulted(
      Type.Integer({ minimum: 1, default: 1_048_576, description: 'bytes of a body that are looked through' }),
    ),
    max_req_post_args: defaulted(
      Type.Integer({ minimum: 0, default: 100, description: 'fields of a form that are looked through; 0: 1000' }),
    ),
  },
  { additionalProperties: false },
)
export type MaskRule = Static<typeof Rule>

const NEEDED = { regex: ['regex', 'value'], replace: ['value'], remove: [] } as const

export default definePlugin({
  name: 'data-mask',
  priority: 1_500,
  placeless: true,
  schema,
  check(config) {
    for (const [index, rule] of (config.request ?? []).entries()) {
      const path = `/request/${index}`
      const missing = NEEDED[rule.action].find((field) => rule[field] === undefined)
      if (missing !== undefined) return { path, message: `needs "${missing}", as its action is "${rule.action}"` }
      for (const field of ['regex', 'value'] as const) {
        const needed: readonly string[] = NEEDED[rule.action]
        if (rule[field] !== undefined && !needed.includes(field))
          return { path: `${path}/${field}`, message: `means nothing with the action "${rule.action}"; remove it` }
      }
      if (rule.type === 'body' && rule.body_format === undefined)
        return { path, message: 'needs "body_format": json or urlencoded' }
      if (rule.type !== 'body' && rule.body_format !== undefined)
        return { path: `${path}/body_format`, message: 'is for `type: body` alone; remove it' }
    }
    try {
      compileRules(config)
      return undefined
    } catch (error) {
      if (error instanceof ExpressionError) return { path: error.pointer, message: error.reason }
      if (error instanceof JsonPathError) return { path: error.pointer, message: error.message }
      throw error
    }
  },
  create(config) {
    const { headers, query, body } = compileRules(config)
    if (headers === undefined && query === undefined && body === undefined) return {}
    return {
      log({ request, ctx }) {
        headers?.(request.headers)
        if (query !== undefined) {
          request.target = query(request.target)
          if (ctx.upstreamTarget !== undefined) ctx.upstreamTarget = query(ctx.upstreamTarget)
        }
        if (body === undefined) return
        const type = request.headers.get('content-type')
        const before = ctx.getState<LogMask>(LOG_MASK)
        const requestBody = (text: string): string => body(before?.requestBody?.(text) ?? text, type)
        ctx.setState(LOG_MASK, { ...before, requestBody } satisfies LogMask)
      },
    }
  },
})

/** @throws ExpressionError, JsonPathError */
function compileRules(config: Static<typeof schema>) {
  const rules = (config.request ?? []).map((rule, index) => ({
    ...rule,
    pointer: `/request/${index}`,
    change: maskChange(rule, `/request/${index}`),
  }))
  const of = (type: MaskRule['type']) => rules.filter((rule) => rule.type === type)
  return {
    headers: headerMasks(of('header')),
    query: queryMasks(of('query')),
    body: maskedBodies(of('body'), config.max_body_size, config.max_req_post_args),
  }
}
