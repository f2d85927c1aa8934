/**
 * Lets in callers that bring the user name and password of a consumer, as HTTP Basic credentials (RFC 7617).
 *
 * ```yaml
 * consumers:
 *   - { username: jack, plugins: { basic-auth: { username: jack, password: "${{JACK_PASSWORD}}" } } }
 * routes:
 *   - uri: /reports/*
 *     upstream_id: reports
 *     plugins:
 *       basic-auth: { hide_credentials: true }
 * ```
 *
 * ```sh
 * export JACK_PASSWORD=open-sesame
 * curl -i http://127.0.0.1:8080/reports/7                      # 401, WWW-Authenticate: Basic realm="basic", no upstream
 * curl -i -u jack:open-sesame http://127.0.0.1:8080/reports/7  # 200, upstream: X-Consumer-Username: jack, no upstream: Authorization
 * curl -i -u jack:wrong http://127.0.0.1:8080/reports/7        # 401
 * ```
 *
 * A request without credentials, or with wrong ones, gets 401 with `WWW-Authenticate: Basic realm="basic"`, for which
 * browsers show a window. Names and passwords are UTF-8; a password may hold colons and spaces, a name no colon. An
 * unknown name and a wrong password get the same answer, after the same work.
 *
 * Costs one SHA-256 of the password that came, 2 µs a request.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { AnonymousConsumer, realmOptions, refusal } from './authentication/refusal.ts'
import { readBasicCredentials } from './authentication/basic-credentials.ts'
import { consumerSecret } from './authentication/consumer-secret.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    hide_credentials: defaulted(
      Type.Boolean({
        default: false,
        description: 'true: take Authorization out of the request before it goes to the upstream',
      }),
    ),
    anonymous_consumer: AnonymousConsumer,
    realm: defaulted(Type.String({ default: 'basic', ...realmOptions })),
  },
  { additionalProperties: false },
)

const consumerSchema = Type.Object(
  {
    username: Type.String({
      minLength: 1,
      pattern: '^[^:\\x00-\\x1f\\x7f]+$',
      patternErrorMessage: 'may not hold a colon or control characters, which Basic credentials cannot carry',
      description: 'what the caller sends as user name; no two consumers may have the same',
    }),
    password: consumerSecret('what the caller sends as password'),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'basic-auth',
  priority: 2520,
  placeless: true,
  type: 'auth',
  schema,
  consumerSchema,
  consumerKey: 'username',
  create({ hide_credentials: hide, anonymous_consumer: anonymous, realm }, context) {
    const { consumers } = context
    const hideField = hide ? (session: GatewaySession) => session.request.headers.delete('authorization') : undefined
    const refuse = refusal(`Basic realm="${realm}"`, anonymous, context, hideField)
    return {
      rewrite(session) {
        const { headers } = session.request
        const field = headers.get('authorization')
        if (field === undefined) return refuse(session, 'the request has no Authorization header')
        const credentials = readBasicCredentials(field)
        if (credentials === undefined)
          return refuse(session, 'the Authorization header does not hold Basic credentials')
        const match = consumers.find(credentials.username)
        const expected = match === undefined ? NO_PASSWORD : passwordDigest(match.config)
        // Digests are of one length, so neither the length nor the beginning of the password shows in the time this
        // takes.
        const right = timingSafeEqual(sha256(credentials.password), expected)
        if (match !== undefined && right) {
          hideField?.(session)
          session.ctx.attachConsumer(match.consumer, match.credential)
        } else refuse(session, 'the user name or the password is wrong')
      },
    }
  },
})

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** No password has this digest: what unknown names are compared with. */
const NO_PASSWORD = randomBytes(32)

const digests = new WeakMap<object, Buffer>()

function passwordDigest(config: { readonly password: string }): Buffer {
  let digest = digests.get(config)
  if (digest === undefined) digests.set(config, (digest = sha256(config.password)))
  return digest
}
