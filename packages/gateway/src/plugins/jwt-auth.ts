/**
 * Lets in callers that bring a JSON Web Token (RFC 7519) signed for a consumer: with a shared secret, a key pair, or the keys of an identity provider.
 *
 * ```yaml
 * consumers:
 *   - username: jack
 *     plugins: { jwt-auth: { key: jack, secret: "${{JACK_SECRET}}" } }
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       jwt-auth: { hide_credentials: true }
 * ```
 *
 * ```sh
 * export JACK_SECRET=a-secret-of-at-least-32-characters
 * # {"alg":"HS256"} . {"key":"jack"}
 * TOKEN=eyJhbGciOiJIUzI1NiJ9.eyJrZXkiOiJqYWNrIn0.WUKz0iptTjT4RL_jBE83v8JMQ1SRH7RIb7j3QOA2nig
 * curl -i http://127.0.0.1:8080/orders/7                                      # 401, WWW-Authenticate: Bearer realm="jwt"
 * curl -i -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/orders/7    # 200, upstream: X-Consumer-Username: jack
 * curl -i "http://127.0.0.1:8080/orders/7?jwt=$TOKEN"                         # 200, no upstream: eyJhbGci
 * curl -i -H "Authorization: Bearer $TOKEN." http://127.0.0.1:8080/orders/7   # 401, no upstream
 * ```
 *
 * **Which consumer** a token is of says its claim `key`, or the one that `key_claim_name` names: it must be the `key` of a
 * consumer. Then its signature is checked, with the algorithm and the key of that consumer and no other: what the token says about its
 * algorithm is only compared, and `none` is none. The token is looked for in the header (with or without `Bearer`), the query
 * argument and the cookie; the first place that has one counts.
 *
 * **Its times** `exp` and `nbf` are checked where the token has them, give or take `lifetime_grace_period`. A token without `exp` never ends: refuse these
 * by `required_claims: [exp]`, or limit their age by `exp` on the consumer, which
 * counts from `iat`, together with `required_claims: [iat]`: a token that does not say when it was made has no age.
 *
 * **Tokens of an identity provider** have public keys at a URL, which change from time to time:
 *
 * ```yaml
 * consumers:
 *   - username: staff
 *     plugins:
 *       jwt-auth:
 *         key: https://idp.example.com/realms/staff
 *         algorithm: RS256
 *         jwks_uri: https://idp.example.com/realms/staff/certs
 *         audience: orders
 * routes:
 *   - uri: /orders/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       jwt-auth: { key_claim_name: iss, required_claims: [exp], store_in_ctx: true }
 * ```
 *
 * All its tokens count as this consumer. Say which `audience` they must be for: a provider has tokens for other services too. The keys
 * are read when the first token comes, again when `jwks_cache_ttl` is over, and at once (every ten seconds at most) for a token
 * that names a key that is not among them. When the provider is away the keys that are known serve for one more hour; without keys tokens are answered 503, not let in.
 *
 * With `store_in_ctx` plugins read the claims as `ctx.getState('jwt-auth')`, and templates as `$jwt_claim_sub`.
 *
 * Costs 1 µs for a token that was seen before (each worker remembers some 6,000), and 0.1 ms for a new one, whose signature is checked.
 */
import type { ConsumerMatch } from '../consumers/consumer-directory.ts'
import { type Static, Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { detached, Recent } from './authentication/recent.ts'
import { AnonymousConsumer, realmOptions, refusal } from './authentication/refusal.ts'
import type { PluginContext } from './context.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { ASYMMETRIC, SYMMETRIC } from './jwt/algorithms.ts'
import { claimProblem, type Claims } from './jwt/claims.ts'
import { keyProblem } from './jwt/consumer-key.ts'
import { hideToken, presentedToken, type TokenPlaces } from './jwt/presented-token.ts'
import { RemoteKeySets } from './jwt/remote-key-sets.ts'
import { KeysUnavailable } from './jwt/remote-keys.ts'
import { isSigned, unverifiedClaims } from './jwt/token-verifier.ts'
import type { VerifiedToken } from './jwt/verified-token.ts'

const schema = Type.Object(
  {
    header: defaulted(
      Type.String({
        default: 'authorization',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        patternErrorMessage: 'must be a header name, as "Authorization"',
        description: 'the header that holds the token, with or without "Bearer" before it',
      }),
    ),
    query: defaulted(
      Type.String({ default: 'jwt', minLength: 1, description: 'the query argument that holds it otherwise' }),
    ),
    cookie: defaulted(
      Type.String({
        default: 'jwt',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        patternErrorMessage: 'must be the name of a cookie, as "jwt"',
        description: 'the cookie that holds it otherwise',
      }),
    ),
    hide_credentials: defaulted(
      Type.Boolean({ default: false, description: 'true: take the token out of the request, in all three places' }),
    ),
    key_claim_name: defaulted(
      Type.String({ default: 'key', minLength: 1, description: 'the claim that names the consumer by its `key`' }),
    ),
    claims_to_verify: defaulted(
      Type.Array(Type.Enum(['exp', 'nbf']), {
        default: ['exp', 'nbf'],
        uniqueItems: true,
        description: 'the times that are checked, where a token has them',
      }),
    ),
    required_claims: defaulted(
      Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        description: 'claims that a token must have; not in APISIX',
      }),
    ),
    store_in_ctx: defaulted(
      Type.Boolean({ default: false, description: 'true: other plugins may read the claims, and `$jwt_claim_NAME`' }),
    ),
    anonymous_consumer: AnonymousConsumer,
    realm: defaulted(Type.String({ default: 'jwt', ...realmOptions })),
  },
  { additionalProperties: false },
)

const consumerSchema = Type.Object(
  {
    key: Type.String({
      minLength: 1,
      description: 'what the claim `key` of its tokens says; no two consumers may have the same',
    }),
    algorithm: defaulted(
      Type.Enum([...SYMMETRIC, ...ASYMMETRIC], { default: 'HS256', description: 'what its tokens are signed with' }),
    ),
    secret: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'for HS256, HS384 and HS512. RFC 7518 wants 32, 48 and 64 bytes; short ones can be guessed',
      }),
    ),
    base64_secret: defaulted(Type.Boolean({ default: false, description: 'true: `secret` is in base64' })),
    public_key: Type.Optional(
      Type.String({ minLength: 1, description: 'for other algorithms: the public key, or a certificate, in PEM' }),
    ),
    jwks_uri: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'or where public keys are read, as a JSON Web Key Set; not in APISIX',
      }),
    ),
    jwks_cache_ttl: defaulted(
      Type.Integer({ minimum: 10, maximum: 86_400, default: 300, description: 'seconds until they are read again' }),
    ),
    jwks_timeout: defaulted(
      Type.Integer({ minimum: 100, maximum: 60_000, default: 5_000, description: 'milliseconds for reading them' }),
    ),
    lifetime_grace_period: defaulted(
      Type.Integer({ minimum: 0, default: 0, description: 'seconds that clocks may differ by' }),
    ),
    exp: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'seconds after its `iat` from which a token is too old, whatever its own `exp` says',
      }),
    ),
    issuer: Type.Optional(Type.String({ minLength: 1, description: 'what `iss` must be; not in APISIX' })),
    audience: Type.Optional(
      Type.String({ minLength: 1, description: 'what `aud` must be, or have in its list; not in APISIX' }),
    ),
  },
  { additionalProperties: false },
)
type ConsumerConfig = Static<typeof consumerSchema>
type Match = ConsumerMatch<ConsumerConfig>

const NAME = 'jwt-auth'

export default definePlugin({
  name: NAME,
  priority: 2510,
  placeless: true,
  type: 'auth',
  schema,
  consumerSchema,
  consumerKey: 'key',
  checkConsumer: keyProblem,
  create(config, context: PluginContext<ConsumerConfig>) {
    const { key_claim_name: keyClaim, hide_credentials: hides, store_in_ctx: stores, claims_to_verify: times } = config
    const { consumers } = context
    const places: TokenPlaces = { header: config.header.toLowerCase(), query: config.query, cookie: config.cookie }
    const rules = {
      checksExp: times.includes('exp'),
      checksNbf: times.includes('nbf'),
      required: config.required_claims,
    }
    const hide = hides ? (session: GatewaySession) => hideToken(session, places) : undefined
    const refuse = refusal(`Bearer realm="${config.realm}"`, config.anonymous_consumer, context, hide)
    // A signature is checked once and not with each request of a caller. Only tokens with a right one come in: strangers cannot fill it.
    const tokens = new Recent<VerifiedToken>()
    const remotes = new RemoteKeySets(context)

    function find(claims: Claims): Match | undefined {
      const key = claims[keyClaim]
      return typeof key === 'string' ? consumers.find(key) : undefined
    }

    function finish(session: GatewaySession, match: Match, claims: Claims, now: number): void {
      const problem = claimProblem(claims, rules, match.config, now)
      if (problem !== undefined) return refuse(session, problem)
      hide?.(session)
      if (stores) session.ctx.setState(NAME, claims)
      session.ctx.attachConsumer(match.consumer, match.credential)
    }

    async function verify(session: GatewaySession, token: string, claims: Claims, match: Match): Promise<void> {
      const now = Date.now()
      const remote = remotes.of(match.config)
      try {
        if (!(await isSigned(token, match.config, remote, now)))
          return refuse(session, 'the signature of the token is wrong')
      } catch (error) {
        if (!(error instanceof KeysUnavailable)) throw error
        return session.respond(503, { message: 'the keys to check the token with cannot be had' })
      }
      // The client, or the consumer, may have left meanwhile.
      if (find(claims)?.config !== match.config) return refuse(session, 'the token is of no consumer')
      tokens.set(detached(token), { claims, consumer: match.config, generation: remote?.generation(now) ?? 0 })
      finish(session, match, claims, now)
    }

    return {
      rewrite(session) {
        const token = presentedToken(session, places)
        if (token === undefined) return refuse(session, 'the request has no token')
        const known = tokens.get(token)
        const claims = known?.claims ?? unverifiedClaims(token)
        if (claims === undefined) return refuse(session, 'the token is no JSON Web Token')
        const match = find(claims)
        if (match === undefined) return refuse(session, 'the token is of no consumer')
        const now = Date.now()
        if (known?.consumer === match.config && remotes.generation(match.config, now) === known.generation)
          return finish(session, match, claims, now)
        return verify(session, token, claims, match)
      },
    }
  },
})
