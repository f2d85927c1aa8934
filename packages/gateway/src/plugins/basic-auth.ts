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
 * A request without credentials, or with wrong ones, gets 401 with `WWW-Authenticate: Basic realm="basic"`, for which
 * browsers show a window. Names and passwords are UTF-8; a password may hold colons and spaces, a name no colon. An
 * unknown name and a wrong password get the same answer, after the same work.
 *
 * Costs one SHA-256 of the password that came, 2 µs a request.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { Type } from '../schema/type.ts'
import { AnonymousConsumer, realmOptions, refusal } from './auth-refusal.ts'
import { consumerSecret } from './consumer-secret.ts'
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
    const refuse = refusal(`Basic realm="${realm}"`, anonymous, context)
    return {
      rewrite(session) {
        const { headers } = session.request
        const field = headers.get('authorization')
        if (field === undefined) return refuse(session, 'the request has no Authorization header')
        if (hide) headers.delete('authorization')
        const credentials = readCredentials(field)
        if (credentials === undefined)
          return refuse(session, 'the Authorization header does not hold Basic credentials')
        const match = consumers.find(credentials.username)
        const expected = match === undefined ? NO_PASSWORD : passwordDigest(match.config)
        // Digests are of one length, so neither the length nor the beginning of the password shows in the time this
        // takes.
        const right = timingSafeEqual(sha256(credentials.password), expected)
        if (match !== undefined && right) session.ctx.attachConsumer(match.consumer, match.credential)
        else refuse(session, 'the user name or the password is wrong')
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

/** `Basic` in any case, spaces, and token68 in the alphabet of base64 (RFC 9110 section 11.4, RFC 7617 section 2). */
const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i
// eslint-disable-next-line no-control-regex
const CONTROL = /[\0-\x1f\x7f]/

function readCredentials(field: string): { username: string; password: string } | undefined {
  const encoded = BASIC.exec(field)?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0 || CONTROL.test(text)) return undefined
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}
