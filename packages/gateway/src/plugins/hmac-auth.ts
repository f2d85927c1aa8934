/**
 * Lets in callers that sign their requests with a secret which they share with a consumer, and which is never sent.
 *
 * ```yaml
 * consumers:
 *   - { username: jack, plugins: { hmac-auth: { key_id: jack-1, secret_key: "${{JACK_SECRET}}" } } }
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       hmac-auth: { allowed_algorithms: [hmac-sha256, hmac-sha512] }
 * ```
 *
 * ```sh
 * export JACK_SECRET=s3cret
 * AUTH='Signature keyId="jack-1",algorithm="hmac-sha256",headers="@request-target date",signature="PGJy2xQBQ3m0rJ3S8yFq6wUq1m0yJv0q3k7o2oJmF5c="'
 * curl -i http://127.0.0.1:8080/orders/7                                   # 401, WWW-Authenticate: hmac realm="hmac"
 * curl -i -H 'Date: Tue, 03 Mar 2020 10:00:00 GMT' -H "Authorization: $AUTH" \
 *   http://127.0.0.1:8080/orders/7                                         # 401, body: the clock of the caller differs too much
 * ```
 *
 * **The caller** sends
 *
 * ```http
 * Date: Tue, 03 Mar 2026 10:00:00 GMT
 * Authorization: Signature keyId="jack-1",algorithm="hmac-sha256",headers="@request-target date",signature="…"
 * ```
 *
 * where the signature is the base64 of the HMAC, with the secret as key, of the key's id and what `headers` names, each followed by a line break:
 *
 * ```text
 * jack-1
 * GET /orders/7?page=2
 * date: Tue, 03 Mar 2026 10:00:00 GMT
 * ```
 *
 * In a shell:
 *
 * ```bash
 * DATE=$(date -u '+%a, %d %b %Y %H:%M:%S GMT')
 * SIGNATURE=$(printf 'jack-1\nGET /orders/7\ndate: %s\n' "$DATE" | openssl dgst -sha256 -hmac "$JACK_SECRET" -binary | base64)
 * ```
 *
 * **What must be signed** says `signed_headers`: here method and path (`@request-target`) and `date`, in APISIX `date` alone, which lets a signature be used for
 * other paths while it is fresh. `Date` must be signed in any case, and differ from our clock by `clock_skew` seconds at most: within that time who sees a whole request can
 * send it again. A field that is named and not sent is a 401.
 *
 * **The body** is checked with `validate_request_body`: `Digest: SHA-256=` and the base64 of its hash must be sent, and be among what is
 * signed. It is read whole for that; more than `max_req_body_size` bytes are a 413.
 *
 * An unknown key and a wrong signature get the same answer, after the same work. Costs one HMAC, 4 µs a request.
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ConsumerMatch } from '../consumers/consumer-directory.ts'
import { type Static, Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { AnonymousConsumer, realmOptions, refusal } from './authentication/refusal.ts'
import type { PluginContext } from './context.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { isDigestOf } from './hmac/body-digest.ts'
import { readSignature, type SignatureParams } from './hmac/signature-params.ts'
import { REQUEST_TARGET, signingString } from './hmac/signing-string.ts'

/** The digests of node:crypto. */
const DIGESTS = { 'hmac-sha1': 'sha1', 'hmac-sha256': 'sha256', 'hmac-sha512': 'sha512' } as const
type Name = keyof typeof DIGESTS
const NAMES = Object.keys(DIGESTS) as Name[]

const schema = Type.Object(
  {
    allowed_algorithms: defaulted(
      Type.Array(Type.Enum(NAMES), { minItems: 1, default: NAMES, description: 'what callers may sign with' }),
    ),
    clock_skew: defaulted(
      Type.Integer({
        minimum: 1,
        default: 300,
        description: 'seconds that the Date of a request may differ from our clock',
      }),
    ),
    signed_headers: defaulted(
      Type.Array(Type.String({ minLength: 1, maxLength: 50 }), {
        default: [REQUEST_TARGET, 'date'],
        description: 'fields that must be signed; `@request-target` is method and path',
      }),
    ),
    validate_request_body: defaulted(
      Type.Boolean({ default: false, description: 'true: the body must be as its Digest says, which must be signed' }),
    ),
    max_req_body_size: defaulted(
      Type.Integer({
        minimum: 1,
        default: 67_108_864,
        description: 'bytes of a body that are read to check it; more are a 413',
      }),
    ),
    hide_credentials: defaulted(
      Type.Boolean({
        default: false,
        description: 'true: take Authorization out before the upstream gets the request',
      }),
    ),
    anonymous_consumer: AnonymousConsumer,
    realm: defaulted(Type.String({ default: 'hmac', ...realmOptions })),
  },
  { additionalProperties: false },
)

const consumerSchema = Type.Object(
  {
    key_id: Type.String({
      minLength: 1,
      maxLength: 256,
      pattern: '^[^"\\x00-\\x1f\\x7f]+$',
      patternErrorMessage: 'may hold neither quotes nor control characters',
      description: 'what the caller sends as keyId; no two consumers may have the same',
    }),
    secret_key: Type.String({ minLength: 1, maxLength: 256, description: 'what the caller signs with' }),
  },
  { additionalProperties: false },
)
type ConsumerConfig = Static<typeof consumerSchema>

/** Nobody's secret: what signatures of unknown keys are compared with. */
const NO_SECRET = createSecretKey(randomBytes(32))

const secrets = new WeakMap<ConsumerConfig, KeyObject>()

function secretOf(config: ConsumerConfig): KeyObject {
  let secret = secrets.get(config)
  if (secret === undefined) secrets.set(config, (secret = createSecretKey(config.secret_key, 'utf8')))
  return secret
}

/** RFC 9110 section 5.6.7, the form that is sent. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** The date that was read last: of the requests of a second most have the same. */
let lastDate = ''
let lastMs = NaN

/** Milliseconds since 1970; NaN for what is no such date. */
function httpDate(text: string): number {
  if (text === lastDate) return lastMs
  lastDate = text
  return (lastMs = HTTP_DATE.test(text) ? Date.parse(text) : NaN)
}

export default definePlugin({
  name: 'hmac-auth',
  priority: 2530,
  placeless: true,
  type: 'auth',
  schema,
  consumerSchema,
  consumerKey: 'key_id',
  create(config, context: PluginContext<ConsumerConfig>) {
    const { validate_request_body: checksBody, max_req_body_size: maxBytes, hide_credentials: hides } = config
    const { consumers } = context
    const allowed = new Set<string>(config.allowed_algorithms)
    const signed = [
      ...config.signed_headers.map((name) => name.toLowerCase()),
      'date',
      ...(checksBody ? ['digest'] : []),
    ]
    const required = [...new Set(signed)]
    const skewMs = config.clock_skew * 1_000
    const hide = hides ? (session: GatewaySession) => session.request.headers.delete('authorization') : undefined
    const refuse = refusal(`hmac realm="${config.realm}"`, config.anonymous_consumer, context, hide)

    /** What is wrong before anything is computed. */
    function problemOf({ algorithm, headers: names }: SignatureParams, date: string | undefined): string | undefined {
      if (!allowed.has(algorithm)) return 'the algorithm is not allowed'
      for (const name of required)
        if (!names.some((one) => one === name || one.toLowerCase() === name)) return `"${name}" must be signed`
      const sent = date === undefined ? NaN : httpDate(date)
      if (Number.isNaN(sent)) return 'the Date of the request is no HTTP date'
      return Math.abs(Date.now() - sent) <= skewMs ? undefined : 'the clock of the caller differs too much'
    }

    function letIn(session: GatewaySession, { consumer, credential }: ConsumerMatch<ConsumerConfig>): void {
      hide?.(session)
      session.ctx.attachConsumer(consumer, credential)
    }

    async function afterBody(session: GatewaySession, match: ConsumerMatch<ConsumerConfig>): Promise<void> {
      const body = await session.readBody(maxBytes)
      if (isDigestOf(session.request.headers.get('digest'), body)) letIn(session, match)
      else refuse(session, 'the body is not what its Digest says')
    }

    return {
      rewrite(session) {
        const { request } = session
        const field = request.headers.get('authorization')
        if (field === undefined) return refuse(session, 'the request has no Authorization header')
        const params = readSignature(field)
        if (params === undefined) return refuse(session, 'the Authorization header does not hold a signature')
        const problem = problemOf(params, request.headers.get('date'))
        if (problem !== undefined) return refuse(session, problem)
        const text = signingString(params.keyId, params.headers, request)
        if (text === undefined) return refuse(session, 'a header that is signed is not there')
        const match = consumers.find(params.keyId)
        const expected = createHmac(
          DIGESTS[params.algorithm as Name],
          match === undefined ? NO_SECRET : secretOf(match.config),
        )
          .update(text, 'latin1')
          .digest()
        const written = Buffer.from(params.signature, 'base64')
        const right = written.length === expected.length && timingSafeEqual(written, expected)
        if (match === undefined || !right) return refuse(session, 'the key or the signature is wrong')
        return checksBody ? afterBody(session, match) : letIn(session, match)
      },
    }
  },
})
