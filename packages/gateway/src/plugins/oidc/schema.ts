import { type Static, Type } from '../../schema/type.ts'
import { realmOptions } from '../authentication/refusal.ts'
import { defaulted } from '../defaulted.ts'
import { sessionSchema } from './session-schema.ts'

const flag = (byDefault: boolean, description: string) => defaulted(Type.Boolean({ default: byDefault, description }))
const text = (description: string) => Type.Optional(Type.String({ minLength: 1, description }))
const seconds = (byDefault: number, description: string) =>
  defaulted(Type.Integer({ minimum: 0, default: byDefault, description }))

/** How the gateway shows the provider who it is (RFC 6749 section 2.3, RFC 7523). */
export const AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'none',
] as const
export type AuthMethod = (typeof AUTH_METHODS)[number]

const authMethod = (endpoint: string) =>
  defaulted(
    Type.Enum(AUTH_METHODS, {
      default: 'client_secret_basic',
      description: `how the gateway shows the ${endpoint} who it is`,
    }),
  )

const audience = Type.Object(
  {
    claim: defaulted(Type.String({ minLength: 1, default: 'aud', description: 'the claim that holds the audience' })),
    required: flag(false, 'a token without the claim is refused'),
    match_with_client_id: flag(false, 'the claim has to be, or to hold, the `client_id`'),
  },
  { additionalProperties: false },
)

const claimValidator = Type.Object(
  {
    issuer: Type.Optional(
      Type.Object(
        {
          valid_issuers: Type.Optional(
            Type.Array(Type.String(), {
              minItems: 1,
              description: 'issuers whose tokens are taken; left out: the one of the discovery document',
            }),
          ),
        },
        { additionalProperties: false },
      ),
    ),
    audience: Type.Optional(audience),
  },
  { additionalProperties: false, description: 'further checks of bearer tokens' },
)

const proxyOptions = Type.Object(
  {
    http_proxy: Type.Optional(Type.String()),
    https_proxy: Type.Optional(Type.String()),
    http_proxy_authorization: Type.Optional(Type.String()),
    https_proxy_authorization: Type.Optional(Type.String()),
    no_proxy: Type.Optional(Type.String()),
  },
  { additionalProperties: false, description: 'refused: the provider has to be reached directly' },
)

const par = Type.Object(
  {
    enabled: flag(false, 'send the authorization request to the provider first (RFC 9126)'),
    endpoint: text('where to; left out: as the discovery document says'),
    endpoint_auth_method: Type.Optional(
      Type.Enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'client_secret_jwt'], {
        description: 'how the gateway shows who it is there; left out: as at the token endpoint',
      }),
    ),
  },
  { additionalProperties: false, description: 'pushed authorization requests' },
)

const dpop = Type.Object(
  {
    enabled: flag(false, 'have access tokens bound to a key (RFC 9449)'),
    private_key: text('PEM'),
    public_jwk: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: 'of the same key, without private parts' }),
    ),
    signing_alg: defaulted(Type.Enum(['ES256', 'RS256', 'PS256'], { default: 'ES256', description: 'of the proofs' })),
  },
  { additionalProperties: false, description: 'proof of possession' },
)

export const schema = Type.Object(
  {
    client_id: Type.String({ minLength: 1, description: 'as the provider knows the gateway' }),
    client_secret: text('the secret that goes with it'),
    discovery: Type.String({
      minLength: 1,
      description: 'URL of the discovery document: `https://id.example.com/.well-known/openid-configuration`',
    }),
    scope: defaulted(Type.String({ default: 'openid', description: 'what is asked for, separated by spaces' })),
    ssl_verify: flag(true, 'verify the certificate of the provider'),
    timeout: defaulted(
      Type.Integer({ minimum: 1, maximum: 60, default: 3, description: 'seconds for one call to the provider' }),
    ),
    realm: defaulted(Type.String({ default: 'apisix', ...realmOptions })),

    bearer_only: flag(false, 'take access tokens of the request alone, and send nobody to sign in'),
    unauth_action: defaulted(
      Type.Enum(['auth', 'deny', 'pass'], {
        default: 'auth',
        description: 'what becomes of a caller without a session: sent to sign in, 401, or let through unknown',
      }),
    ),
    redirect_uri: text(
      'where the provider sends people back to, as registered there: a URL, or a path. It belongs to the route, and never reaches the upstream. Left out: `/.apisix/redirect` below the path that was asked for',
    ),
    logout_path: defaulted(
      Type.String({
        default: '/logout',
        pattern: '^/',
        patternErrorMessage: 'must begin with "/"',
        description: 'ends the session',
      }),
    ),
    post_logout_redirect_uri: text('where people go after that'),
    revoke_tokens_on_logout: flag(false, 'tell the provider that the tokens are no longer needed (RFC 7009)'),
    authorization_params: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
        description: 'further parameters of the authorization request: `prompt`, `login_hint`, `acr_values`, …',
      }),
    ),
    use_pkce: flag(true, 'bind the code to this sign-in (RFC 7636); APISIX: false'),
    use_nonce: flag(true, 'bind the ID token to this sign-in; APISIX: false'),
    par: Type.Optional(par),
    dpop: Type.Optional(dpop),

    token_endpoint_auth_method: authMethod('token endpoint'),
    client_rsa_private_key: text('PEM, for `private_key_jwt`'),
    client_rsa_private_key_id: text('id of that key, sent as `kid`'),
    client_jwt_assertion_alg: Type.Optional(
      Type.Enum(['HS256', 'HS512', 'RS256', 'RS512', 'ES256', 'ES512'], {
        description: 'how assertions are signed; left out: HS256 with the secret, RS256 with the key',
      }),
    ),
    client_jwt_assertion_audience: text('`aud` of assertions; left out: the issuer'),
    client_jwt_assertion_expires_in: defaulted(
      Type.Integer({ minimum: 1, maximum: 3_600, default: 60, description: 'seconds that an assertion holds' }),
    ),

    public_key: text('PEM: bearer tokens are checked with this key'),
    use_jwks: flag(false, 'bearer tokens are checked with the keys of the provider, unless there is a `public_key`'),
    token_signing_alg_values_expected: text('the one algorithm of bearer and ID tokens: `RS256`'),
    jwk_expires_in: defaulted(
      Type.Integer({
        minimum: 60,
        default: 86_400,
        description: 'seconds after which the keys of the provider are read anew',
      }),
    ),
    jwt_verification_cache_ignore: flag(false, 'check the signature of a token with each request'),
    introspection_endpoint: text(
      'bearer tokens are asked about here (RFC 7662); left out: as the discovery document says',
    ),
    introspection_endpoint_auth_method: authMethod('introspection endpoint'),
    introspection_addon_headers: Type.Optional(
      Type.Array(Type.String(), { minItems: 1, description: 'fields of the request that the endpoint gets too' }),
    ),
    introspection_interval: seconds(
      0,
      'seconds that an answer is kept, at most until the token expires; 0: 60 (APISIX: until it expires)',
    ),
    introspection_expiry_claim: text(
      'the claim that says for how many seconds an answer may be kept; left out: `exp`, a time',
    ),
    cache_segment: text('each place has caches of its own; the name adds nothing to that'),
    required_scopes: Type.Optional(
      Type.Array(Type.String(), { description: 'scopes that an access token must have; otherwise 403' }),
    ),
    claim_validator: Type.Optional(claimValidator),
    claim_schema: Type.Optional(
      Type.Unsafe<object>({
        type: 'object',
        description: 'JSON Schema that `{ access_token, id_token, user }` has to fit: the last two are claims',
      }),
    ),
    iat_slack: defaulted(
      Type.Integer({ minimum: 0, maximum: 3_600, default: 120, description: 'seconds that clocks may differ' }),
    ),

    set_access_token_header: flag(true, 'the upstream gets `X-Access-Token`'),
    access_token_in_authorization_header: flag(false, 'in `Authorization` instead'),
    set_id_token_header: flag(true, 'the upstream gets `X-ID-Token`: the claims, JSON in base64'),
    set_raw_id_token_header: flag(false, 'the upstream gets `X-Raw-ID-Token`: the token as it was signed'),
    set_userinfo_header: flag(
      true,
      'the upstream gets `X-Userinfo`: what the provider says of the user, JSON in base64',
    ),
    set_refresh_token_header: flag(false, 'the upstream gets `X-Refresh-Token`'),

    renew_access_token_on_expiry: flag(true, 'have a new access token when the old one expires; otherwise it stays'),
    access_token_expires_in: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'seconds that an access token holds of which the provider does not say; left out: 3600',
      }),
    ),
    access_token_expires_leeway: seconds(0, 'seconds before that when it is renewed'),
    refresh_session_interval: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'seconds after which the provider is asked, without a window, whether the user is still there',
      }),
    ),

    session: Type.Optional(sessionSchema),

    accept_none_alg: flag(false, 'refused: an ID token has to be signed'),
    accept_unsupported_alg: flag(
      false,
      'true is refused: a signature that cannot be checked is none. APISIX takes such ID tokens',
    ),
    force_reauthorize: flag(false, 'refused: it would send people to the provider without end'),
    proxy_opts: Type.Optional(proxyOptions),
  },
  { additionalProperties: false },
)

export type OidcConfig = Static<typeof schema>
