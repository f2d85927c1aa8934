/**
 * Changes responses before they leave: status, headers and body, of upstreams as well as of the gateway itself.
 *
 * ```yaml
 * routes:
 *   - uri: /shop/*
 *     upstream_id: shop
 *     plugins:
 *       response-rewrite:
 *         vars: [[status, ==, 200]]                   # left out: every response
 *         headers:
 *           set: { Cache-Control: no-store, X-Node: $upstream_addr }
 *           add: ['Set-Cookie: seen=1; Path=/']
 *           remove: [X-Powered-By]
 *         filters:
 *           - { regex: 'http://shop\.internal', scope: global, replace: 'https://shop.example.com' }
 * ```
 *
 * ```sh
 * curl -i -H 'x-answer-body: <a href="http://shop.internal/7">' http://127.0.0.1:8080/shop/7  # 200, Cache-Control: no-store, Set-Cookie: seen=1, body: <a href="https://shop.example.com/7">
 * curl -i http://127.0.0.1:8080/shop/status/404                                               # 200, X-Node: 127.0.0.1
 * ```
 *
 * `body` replaces the whole body, `filters` substitute within it, one after the other. Both take out the fields that
 * spoke of the old body (ETag, Last-Modified, Content-Encoding, digests), whether or not a filter matches. Headers are
 * added, then set, then removed; one that is set to an empty text is removed.
 *
 * Filters hold a body back until it is whole, and decompress it when it came compressed (gzip, deflate, br):
 *
 * - Of a body larger than `max_resp_body_size`, that many bytes are filtered, and what follows leaves as it came.
 * - A compressed body that announces more leaves untouched. One that turns out to be larger, before or after it is
 *   decompressed, or that is damaged, is broken off: its headers have left, and nothing right can be sent behind them.
 * - A body in another encoding leaves untouched.
 *
 * The error log tells of each of these. Where filters hide something, take `Accept-Encoding` and `Range` out of the
 * request with `proxy-rewrite`: no client can ask then for a form of the body that filters do not see.
 *
 * Costs about 0.2 µs for each header. A filtered body costs its memory, and about 4 ms for each MB and filter, during
 * which the worker does nothing else.
 */
import { Type } from '../schema/type.ts'
import { compileExpression } from '../expressions/index.ts'
import { notBoth } from '../resources/constraints.ts'
import type { GatewaySession } from '../session.ts'
import { BodyFilters } from './response-rewrite/body-filters.ts'
import { type BodyRewriting, FilteredBody, ReplacedBody } from './response-rewrite/body-rewriting.ts'
import { contentDecoder } from './compression/content-decoding.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { expressionProblem } from './expression-problem.ts'
import { checkHeaderEdits, HeaderEdits } from './rewriting/header-edits.ts'

const Value = Type.Union([Type.String(), Type.Number()])

const HeaderActions = Type.Object(
  {
    add: Type.Optional(
      Type.Array(
        Type.String({ pattern: '^[^:]+:', patternErrorMessage: 'must be a header with its value, as "X-Node: a"' }),
        { minItems: 1, description: 'fields to append, as "Name: value"' },
      ),
    ),
    set: Type.Optional(
      Type.Record(Type.String(), Value, {
        minProperties: 1,
        description: 'fields that replace those of the same name',
      }),
    ),
    remove: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description: 'names of fields to take out',
      }),
    ),
  },
  { additionalProperties: false },
)

/** The form before there were actions. */
const HeadersToSet = Type.Record(Type.String(), Value, {
  minProperties: 1,
})

const Filter = Type.Object(
  {
    regex: Type.String({ minLength: 1, description: 'what to look for, a regular expression' }),
    scope: defaulted(
      Type.Enum(['once', 'global'], { default: 'once', description: 'replace the first match, or all of them' }),
    ),
    replace: Type.String({ description: 'what takes its place, with captures as "$1"; "$$" is a dollar sign' }),
    options: defaulted(
      Type.String({
        default: 'jo',
        description:
          'i: ignore case; m: "^" and "$" at each line; s: "." matches line ends; a: only at the start; u: code points; j, o: as it is anyway',
      }),
    ),
  },
  { additionalProperties: false },
)

const schema = Type.Object(
  {
    status_code: Type.Optional(Type.Integer({ minimum: 200, maximum: 598, description: 'the new status' })),
    body: Type.Optional(Type.String({ description: 'the new body' })),
    body_base64: defaulted(
      Type.Boolean({ default: false, description: 'true: "body" is base64, for what is not text' }),
    ),
    headers: Type.Optional(
      Type.Union([HeaderActions, HeadersToSet], {
        description: 'what to do with response headers: actions, or simply fields to set; values may hold variables',
      }),
    ),
    vars: Type.Optional(
      Type.Array(Type.Unknown(), { description: 'an expression as in "vars" of routes: which responses are changed' }),
    ),
    filters: Type.Optional(Type.Array(Filter, { minItems: 1, description: 'substitutions in the body' })),
    max_resp_body_size: defaulted(
      Type.Integer({
        minimum: 1,
        default: 67_108_864,
        description: 'bytes of a body that filters hold back at most, also when it is decompressed',
      }),
    ),
  },
  { additionalProperties: false, allOf: [notBoth('"response-rewrite"', 'body', 'filters')] },
)

/** What was true of the body as the upstream sent it, and how it was to arrive. */
export const FIELDS_OF_BODY = [
  'content-length',
  'content-encoding',
  'etag',
  'last-modified',
  'accept-ranges',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
]

/** A length that is not that of the body would let one response run into the next. */
const FRAMING = new Set(['content-length', 'transfer-encoding'])

export default definePlugin({
  name: 'response-rewrite',
  priority: 899,
  schema,
  check({ headers, body, body_base64: isBase64, vars, filters }) {
    if (isBase64 && (body === undefined || !isWellFormedBase64(body))) {
      return {
        path: body === undefined ? '/body_base64' : '/body',
        message: 'needs a "body" in base64 (RFC 4648 section 4)',
      }
    }
    return (
      expressionProblem('/vars', () => vars === undefined || compileExpression(vars)) ??
      expressionProblem('/filters', () => filters === undefined || new BodyFilters(filters)) ??
      checkHeaderEdits(headers, '/headers', FRAMING)
    )
  },
  create(config, { logger, scope }) {
    const { status_code: status, max_resp_body_size: maxBytes } = config
    const condition = config.vars === undefined ? undefined : compileExpression(config.vars)
    const edits = config.headers === undefined ? undefined : new HeaderEdits(config.headers)
    const newBody =
      config.body === undefined ? undefined : Buffer.from(config.body, config.body_base64 ? 'base64' : 'utf8')
    const replacedBody = newBody === undefined ? undefined : new ReplacedBody(newBody)
    const filters = config.filters === undefined ? undefined : new BodyFilters(config.filters)
    // A global rule and the route may both have this plugin.
    const stateKey = `response-rewrite ${scope}`

    function bodyRewriting(session: GatewaySession): BodyRewriting | undefined {
      const response = session.response!
      const { headers } = response
      if (newBody !== undefined) {
        for (const name of FIELDS_OF_BODY) headers.delete(name)
        headers.delete('transfer-encoding')
        headers.delete('trailer')
        headers.set('Content-Length', String(newBody.length))
        return replacedBody
      }
      if (filters === undefined) return undefined
      const encoding = headers.get('content-encoding')
      const decoder = contentDecoder(encoding)
      const route = session.ctx.plan?.route.id
      if (decoder === undefined) {
        logger.warn({ route, encoding }, 'response-rewrite cannot decompress a body: it was not filtered')
        return undefined
      }
      if (decoder !== null && response.bodyLength > maxBytes) {
        logger.warn(
          { route, limit: maxBytes },
          'a compressed body is larger than max_resp_body_size: it was not filtered',
        )
        return undefined
      }
      for (const name of FIELDS_OF_BODY) headers.delete(name)
      const onTooLarge = (): void =>
        logger.warn({ route, limit: maxBytes }, 'a body is larger than max_resp_body_size: its end was not filtered')
      return new FilteredBody({ filters, maxBytes, decoder, onTooLarge })
    }

    function headerFilter(session: GatewaySession): void {
      const { ctx, response } = session
      // 101 is not a response that can be changed: what follows it are the bytes of another protocol.
      if (response === undefined || response.status < 200) return
      const applies = condition === undefined || condition(ctx)
      if (replacedBody !== undefined || filters !== undefined) {
        // Also when it does not apply: an error page may follow a response that was not sent.
        ctx.setState(stateKey, applies ? bodyRewriting(session) : undefined)
      }
      if (!applies) return
      if (status !== undefined && status !== response.status) setStatus(response, status, replacedBody !== undefined)
      edits?.apply(response.headers, ctx, null)
    }

    if (replacedBody === undefined && filters === undefined) return { headerFilter }
    return {
      headerFilter,
      bodyFilter: (session, chunk, end) => session.ctx.getState<BodyRewriting>(stateKey)?.filter(chunk, end),
    }
  },
})

function setStatus(response: NonNullable<GatewaySession['response']>, status: number, hasNewBody: boolean): void {
  // 304 may tell the length of a body that it does not have.
  if ((response.status === 304 || response.status === 204) && !hasNewBody) {
    response.headers.delete('transfer-encoding')
    response.headers.set('Content-Length', '0')
  }
  response.status = status
  response.reason = ''
}

function isWellFormedBase64(text: string): boolean {
  const compact = text.replace(/\s+/g, '')
  return compact !== '' && Buffer.from(compact, 'base64').toString('base64') === compact
}
