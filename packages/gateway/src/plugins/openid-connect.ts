/**
 * Lets in people who sign in at an OpenID provider, and programs that bring access tokens of it.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       openid-connect:
 *         discovery: http://127.0.0.1:9096/.well-known/openid-configuration
 *         client_id: gateway
 *         client_secret: "${{OIDC_SECRET}}"
 *         redirect_uri: http://127.0.0.1:8080/signed-in
 *         session: { secret: "${{SESSION_SECRET}}" }
 * ```
 *
 * ```sh
 * # with: openid-provider at 127.0.0.1:9096
 * export OIDC_SECRET=0123456789abcdef0123456789abcdef
 * export SESSION_SECRET=fedcba9876543210fedcba9876543210
 * curl -i http://127.0.0.1:8080/orders                                    # 302, Location: code_challenge_method=S256
 * curl -i -H 'Sec-Fetch-Mode: cors' http://127.0.0.1:8080/orders          # 401, no upstream
 * curl -i http://127.0.0.1:8080/signed-in?state=0.x                       # 400, no upstream
 * ```
 *
 * Programs bring a token in `Authorization: Bearer`:
 *
 * ```yaml
 * routes:
 *   - uri: /api/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       openid-connect:
 *         discovery: http://127.0.0.1:9096/.well-known/openid-configuration
 *         client_id: gateway
 *         bearer_only: true
 *         use_jwks: true
 *         required_scopes: [orders]
 * ```
 *
 * ```sh
 * # with: openid-provider at 127.0.0.1:9096
 * TOKEN=$(curl http://127.0.0.1:9096/token-for-tests)
 * curl -i http://127.0.0.1:8080/api/orders                                   # 401, WWW-Authenticate: Bearer realm="apisix"
 * curl -i -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/api/orders # 200, upstream: X-Userinfo
 * curl -i -H 'Authorization: Bearer x.y.z' http://127.0.0.1:8080/api/orders  # 401, WWW-Authenticate: invalid_token
 * ```
 *
 * ### People
 *
 * Somebody without a session is sent to the provider, and back to `redirect_uri`; the gateway exchanges the code, checks the ID token, and keeps the session in
 * cookies that are encrypted with `session.secret`: nobody can read or change them. `redirect_uri` has to be registered at the provider. The state of a sign-in
 * is bound to the browser that began it, the code by PKCE, the ID token by a nonce. Requests of scripts and images (`Sec-Fetch-Mode` other than
 * `navigate`) get 401 instead of a redirect. `unauth_action: deny` sends nobody away, `pass` lets strangers through without the fields below.
 *
 * The access token is renewed when it expires, once for all requests of a worker that come at the same time; when the provider does not renew it the user
 * signs in again. Workers and nodes do not wait for each other: have the provider forgive a refresh token that is used twice within seconds.
 * `logout_path` ends the session here and at the provider. A copy of a cookie is good until its time is over: keep `idling_timeout` and
 * `absolute_timeout` as short as you can bear, or keep sessions in a Redis (`session: { storage: redis, redis: { host: … }, secret: … }`): the cookie is
 * then the key of what is there, encrypted, and good until somebody signs out. Each request asks that Redis, and gets 503 while it is away.
 *
 * ### Programs
 *
 * With `bearer_only`, `introspection_endpoint`, `public_key` or `use_jwks` a token in `Authorization: Bearer` or `X-Access-Token` is checked: by the key, by the
 * keys of the provider (`use_jwks`), or else by asking the provider. Algorithms with a shared secret and `none` are never taken. A token has to expire,
 * and to be of the issuer in the discovery document or of `claim_validator.issuer.valid_issuers`. Say `claim_validator.audience`: without it a token that
 * the provider issued for another service is taken as well. Without `bearer_only` a request without a token is treated as that of a person.
 *
 * ### The upstream
 *
 * gets `X-Access-Token`, `X-ID-Token`, `X-Userinfo`, and what else the `set_…` options say; a client cannot send these itself. The cookies of the session do not
 * reach it.
 *
 * ### When the provider fails
 *
 * Who needs it gets 503 (a sign-in, a renewal, a token that is not known yet), who does not goes on: sessions and tokens that were checked, for as long as they
 * hold. The discovery document is kept for an hour and used for a day more, keys for `jwk_expires_in` and an hour more; both are read anew in the
 * background, once at a time. Each call may take `timeout` seconds. Failures are told to the log when they begin and end, and counted in
 * `sekisho_plugin_calls_total`.
 *
 * Costs 4 µs for a request with a session, 3 µs for one with a token that was seen before, 150 µs for a new one.
 */
import { ServiceClient } from '../side-calls/index.ts'
import type { GatewaySession } from '../session.ts'
import { definePlugin } from './definition.ts'
import { unauthorized, unavailable } from './oidc/answers.ts'
import { BearerTokens, MALFORMED, presentedToken, type Verdict } from './oidc/bearer.ts'
import { checkConfig } from './oidc/check.ts'
import { ClaimSchema } from './oidc/claim-schema.ts'
import { People } from './oidc/people.ts'
import { Provider } from './oidc/provider.ts'
import { schema } from './oidc/schema.ts'
import { removeForgeries, tell } from './oidc/upstream-fields.ts'

export default definePlugin({
  name: 'openid-connect',
  priority: 2599,
  schema,
  check: checkConfig,
  create(config, context) {
    const { logger, metrics, scope } = context
    const { realm, bearer_only: bearerOnly } = config
    const service = new ServiceClient(
      {
        plugin: 'openid-connect',
        timeoutMs: config.timeout * 1_000,
        peer: { tls: { verify: config.ssl_verify } },
        consequence: 'nobody can sign in, and new tokens are refused',
      },
      context,
    )
    const provider = new Provider(config, service)
    const claimSchema = config.claim_schema === undefined ? undefined : new ClaimSchema(config.claim_schema)
    const takesTokens =
      bearerOnly || config.use_jwks || config.public_key !== undefined || config.introspection_endpoint !== undefined
    const tokens = takesTokens ? new BearerTokens(config, provider, claimSchema) : undefined
    const cookieState = `openid-connect/${scope}`
    const people =
      bearerOnly || config.session === undefined
        ? undefined
        : new People({
            config,
            session: config.session,
            provider,
            claimSchema,
            logger,
            metrics,
            scope,
            setCookies: ({ ctx }, cookies) => ctx.setState(cookieState, cookies),
          })

    function settle(session: GatewaySession, verdict: Verdict): void {
      if (verdict.kind === 'accepted') tell(session, verdict.told)
      else if (verdict.kind === 'forbidden') session.respond(403, { error: verdict.reason })
      else unauthorized(session, realm, verdict.reason, 'invalid_token')
    }

    async function judge(session: GatewaySession, bearer: BearerTokens, token: string): Promise<void> {
      let verdict: Verdict
      try {
        verdict = await bearer.judge(token, session)
      } catch {
        // The service counted and logged what went wrong.
        return unavailable(session)
      }
      if (session.finishedAt === 0) settle(session, verdict)
      return undefined
    }

    return {
      rewrite(session) {
        const token = tokens === undefined ? undefined : presentedToken(session)
        removeForgeries(session)
        if (tokens !== undefined && token !== undefined) {
          if (token === MALFORMED) return unauthorized(session, realm, 'the token is malformed', 'invalid_request')
          const known = tokens.recall(token)
          return known === undefined ? judge(session, tokens, token) : settle(session, known)
        }
        if (people !== undefined) return people.handle(session)
        return unauthorized(session, realm, 'the request has no bearer token')
      },
      ...(people === undefined
        ? {}
        : {
            dispose: () => people.close(),
            headerFilter({ ctx, response }: GatewaySession) {
              for (const cookie of ctx.getState<readonly string[]>(cookieState) ?? []) {
                response?.headers.append('Set-Cookie', cookie)
              }
            },
          }),
    }
  },
})
