import { type Static, Type } from '../../schema/type.ts'
import { defaulted } from '../defaulted.ts'

const seconds = (byDefault: number, description: string) =>
  defaulted(Type.Integer({ minimum: 0, default: byDefault, description: `${description}; 0: never` }))

const milliseconds = (byDefault: number, description: string) =>
  defaulted(Type.Integer({ minimum: 1, default: byDefault, description: `milliseconds ${description}` }))

const redis = Type.Object(
  {
    host: defaulted(Type.String({ minLength: 2, default: '127.0.0.1', description: 'its name or address' })),
    port: defaulted(Type.Integer({ minimum: 1, maximum: 65_535, default: 6_379, description: 'its port' })),
    username: Type.Optional(Type.String({ minLength: 1, description: 'the user of an ACL' })),
    password: Type.Optional(Type.String({ description: 'the password of that user, or of "requirepass"' })),
    database: defaulted(Type.Integer({ minimum: 0, default: 0, description: 'number of the database' })),
    prefix: defaulted(Type.String({ default: 'sessions', description: 'what the keys begin with' })),
    ssl: defaulted(Type.Boolean({ default: false, description: 'TLS' })),
    ssl_verify: defaulted(Type.Boolean({ default: true, description: 'its certificate is verified' })),
    server_name: Type.Optional(
      Type.String({ description: 'refused unless it is `host`, which is the name that is verified' }),
    ),
    connect_timeout: milliseconds(1_000, 'to connect'),
    read_timeout: milliseconds(1_000, 'to answer'),
    send_timeout: milliseconds(1_000, 'to answer, too: the longer one counts'),
    keepalive_timeout: Type.Optional(
      Type.Integer({ minimum: 1_000, description: 'has no effect: each worker keeps one connection, which all share' }),
    ),
  },
  { additionalProperties: false, description: 'the Redis of `storage: redis`' },
)

export type RedisSessionConfig = Static<typeof redis>

/** How sessions are kept; the names are APISIX's. */
export const sessionSchema = Type.Object(
  {
    secret: Type.String({
      minLength: 16,
      description: 'what sessions are encrypted with: the same on every node, 32 random characters at best',
    }),
    storage: defaulted(
      Type.Enum(['cookie', 'redis'], {
        default: 'cookie',
        description: 'where a session is: in the browser, or in a Redis',
      }),
    ),
    redis: Type.Optional(redis),
    cookie_name: defaulted(
      Type.String({
        default: 'session',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        maxLength: 100,
        patternErrorMessage: 'must be a name without blanks, "=" and ";"',
        description: 'name of the cookie; further ones begin with it',
      }),
    ),
    cookie_path: defaulted(
      Type.String({
        default: '/',
        pattern: '^/[^;,\\s]*$',
        patternErrorMessage: 'must begin with "/"',
        description: 'its Path',
      }),
    ),
    cookie_domain: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9.-]+$',
        patternErrorMessage: 'must be a domain',
        description: 'its Domain; left out: this host alone',
      }),
    ),
    cookie_secure: Type.Optional(
      Type.Boolean({ description: 'its Secure; left out: where the request, or `redirect_uri`, is https' }),
    ),
    cookie_http_only: defaulted(Type.Boolean({ default: true, description: 'its HttpOnly' })),
    cookie_same_site: defaulted(
      Type.Enum(['Strict', 'Lax', 'None', 'Default'], {
        default: 'Lax',
        description: 'its SameSite; `Default` writes none',
      }),
    ),
    idling_timeout: seconds(900, 'seconds without a request after which a session is over, to a quarter'),
    rolling_timeout: seconds(3_600, 'seconds after which a session is over unless a request renewed it'),
    absolute_timeout: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'seconds after which the user signs in again whatever they did; 0: never; left out: 86400',
      }),
    ),
    cookie: Type.Optional(
      Type.Object(
        { lifetime: Type.Optional(Type.Integer({ minimum: 1, description: 'the former name of `absolute_timeout`' })) },
        { additionalProperties: false, description: 'former spelling' },
      ),
    ),
  },
  { additionalProperties: false, description: 'sessions of people; needed unless `bearer_only`' },
)

export type SessionConfig = Static<typeof sessionSchema>
