/**
 * Decrypts a token that a client sends encrypted (JWE, RFC 7516), and hands what was in it to the upstream.
 *
 * ```yaml
 * consumers:
 *   - { username: jack, plugins: { jwe-decrypt: { key: jack-key, secret: "12345678901234567890123456789012" } } }
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       jwe-decrypt: { header: Authorization, forward_header: X-Token }
 * ```
 *
 * ```sh
 * TOKEN=eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiamFjay1rZXkifQ..GVJ6Sx3aEOsaqMUv.x1l6U34CKhwPDCteg64.dLpejhcWvYRTRRpzEgrbGw
 * curl -i -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/orders/7     # 200, upstream: X-Token: {"sub":"jack"}
 * curl -i -H "Authorization: Bearer x$TOKEN" http://127.0.0.1:8080/orders/7    # 400, no upstream
 * curl -i http://127.0.0.1:8080/orders/7                                       # 403, no upstream
 * ```
 *
 * The key is one that both sides know (`"alg":"dir","enc":"A256GCM"`), 32 bytes; `kid` in the header of the token names the
 * consumer by its `key`. The token is taken from `header`, with or without `Bearer`, and does not reach the upstream; the text goes
 * to `forward_header`, which a client cannot send itself. A token that is none, or of nobody, or changed on its way is a 400; a request without one a
 * 403, or goes on with `strict: false`. Who could encrypt it is the consumer who calls, where no other plugin knew.
 *
 * What was in the token is not looked at: check it behind, where it is a signed one.
 *
 * Costs 5 µs.
 */
import { isFieldValue } from '@sekisho/wire'
import { Type } from '../schema/type.ts'
import type { PluginContext } from './context.ts'
import { consumerSecret } from './authentication/consumer-secret.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { decryptJwe, KEY_BYTES, readJwe } from './jwe/compact-jwe.ts'

const header = (description: string) =>
  defaulted(
    Type.String({
      default: 'Authorization',
      pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
      patternErrorMessage: 'must be a header name, as "Authorization"',
      description,
    }),
  )

const schema = Type.Object(
  {
    header: header('the header that holds the token'),
    forward_header: header('the header in which the upstream gets what was in it'),
    strict: defaulted(Type.Boolean({ default: true, description: 'false: requests without a token go on' })),
  },
  { additionalProperties: false },
)

const consumerSchema = Type.Object(
  {
    key: consumerSecret('what `kid` of its tokens says; no two consumers may have the same'),
    secret: consumerSecret('the key that they are encrypted with: 32 bytes'),
    is_base64_encoded: defaulted(Type.Boolean({ default: false, description: 'true: `secret` is in base64' })),
  },
  { additionalProperties: false },
)
interface ConsumerConfig {
  readonly key: string
  readonly secret: string
  readonly is_base64_encoded: boolean
}

const keyOf = ({ secret, is_base64_encoded: encoded }: ConsumerConfig): Buffer =>
  Buffer.from(secret, encoded ? 'base64' : 'utf8')

export default definePlugin({
  name: 'jwe-decrypt',
  priority: 2509,
  placeless: true,
  type: 'auth',
  schema,
  consumerSchema,
  consumerKey: 'key',
  checkConsumer(config) {
    const { length } = keyOf(config)
    if (length === KEY_BYTES) return undefined
    return { path: '/secret', message: `is ${length} bytes long, and A256GCM needs ${KEY_BYTES}` }
  },
  create({ strict, ...config }, { consumers }: PluginContext<ConsumerConfig>) {
    const from = config.header.toLowerCase()
    const to = config.forward_header
    const separate = to.toLowerCase() !== from
    const keys = new WeakMap<ConsumerConfig, Buffer>()

    function keyFor(consumer: ConsumerConfig): Buffer {
      let key = keys.get(consumer)
      if (key === undefined) keys.set(consumer, (key = keyOf(consumer)))
      return key
    }

    return {
      rewrite(session) {
        const { request, ctx } = session
        const field = request.headers.get(from)
        // The token itself stays until it is known: another plugin of `multi-auth` may take it.
        if (separate) request.headers.delete(to)
        if (field === undefined) {
          if (strict) session.respond(403, { message: 'the request has no encrypted token' })
          return
        }
        const jwe = readJwe(field.replace(/^bearer +/i, ''))
        const match = jwe && consumers.find(jwe.keyId)
        const text = match && decryptJwe(jwe!, keyFor(match.config))
        if (match === undefined || text === undefined || !isFieldValue(text))
          return session.respond(400, { message: 'the token cannot be decrypted' })
        request.headers.delete(from)
        request.headers.set(to, text)
        if (ctx.consumer === undefined) ctx.attachConsumer(match.consumer, match.credential)
      },
    }
  },
})
