/**
 * Lets in callers whose user name and password an LDAP directory accepts, as HTTP Basic credentials.
 *
 * ```yaml
 * consumers:
 *   - username: jack
 *     plugins: { ldap-auth: { user_dn: "cn=jack,ou=people,dc=example,dc=org" } }
 * routes:
 *   - uri: /reports/*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       ldap-auth:
 *         ldap_uri: ldap://127.0.0.1:1389
 *         base_dn: ou=people,dc=example,dc=org
 *         hide_credentials: true
 * ```
 *
 * ```sh
 * # with: ldap at 127.0.0.1:1389
 * curl -i http://127.0.0.1:8080/reports/7                      # 401, WWW-Authenticate: Basic realm="ldap"
 * curl -i -u jack:s3cret http://127.0.0.1:8080/reports/7       # 200, upstream: X-Consumer-Username: jack
 * curl -i -u jack:wrong http://127.0.0.1:8080/reports/7        # 401, no upstream
 * curl -i -u jack: http://127.0.0.1:8080/reports/7             # 401, no upstream
 * ```
 *
 * The directory is asked to bind as `uid=NAME,base_dn` (`uid` being `cn` unless you say otherwise) with the password. Characters of the name that mean
 * something in a distinguished name are escaped (RFC 4514), so a name cannot leave its place. An empty password is refused here: to
 * a directory it is an anonymous bind, which succeeds. The consumer is the one whose `user_dn` is that very text.
 *
 * A caller whom the directory does not know, whose password is wrong, or who is no consumer gets 401, with the same words. **When the directory gives
 * no verdict** (it is away, takes longer than `timeout`, reports trouble of its own) the answer is 503; that is told to the log once, when it
 * begins and when it ends, and counted in `sekisho_plugin_calls_total`. At most 200 questions of a worker wait at a time.
 *
 * Passwords go to the directory as they are: use `ldaps://` wherever the network is not yours alone. Its certificate is verified (APISIX does not verify it
 * unless `tls_verify` says so).
 *
 * Each request asks the directory, which then also decides at once about a password that was changed. `cache_ttl` keeps what was right for some
 * seconds; kept are keyed digests, never passwords.
 *
 * Costs one question to the directory for each request, on connections that are kept; 4 µs for one whose credentials are kept.
 */
import { Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { CallCounts, ServiceHealth } from '../side-calls/index.ts'
import { realmOptions, refusal } from './authentication/refusal.ts'
import { readBasicCredentials } from './authentication/basic-credentials.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import type { DirectoryAddress } from './ldap/bind-connection.ts'
import { BindPool, DirectoryFailure } from './ldap/bind-pool.ts'
import { escapeDnValue } from './ldap/dn.ts'
import { KnownCredentials } from './ldap/known-credentials.ts'

const schema = Type.Object(
  {
    base_dn: Type.String({ minLength: 1, description: 'where the users are: `ou=people,dc=example,dc=org`' }),
    ldap_uri: Type.String({
      minLength: 1,
      description: 'the directory: `ldaps://ldap.internal`, `ldap://10.0.0.5:389`, or `ldap.internal:389`',
    }),
    use_tls: defaulted(
      Type.Boolean({ default: false, description: 'speak TLS from the first byte, as `ldaps://` says too' }),
    ),
    tls_verify: defaulted(
      Type.Boolean({ default: true, description: 'verify the certificate of the directory; APISIX: false' }),
    ),
    uid: defaulted(
      Type.String({
        default: 'cn',
        pattern: '^([A-Za-z][A-Za-z0-9-]*|\\d+(\\.\\d+)+)$',
        patternErrorMessage: 'must be the name of an attribute, as "uid"',
        description: 'the attribute that holds the user name',
      }),
    ),
    hide_credentials: defaulted(
      Type.Boolean({
        default: false,
        description: 'true: take Authorization out of the request before it goes to the upstream',
      }),
    ),
    realm: defaulted(Type.String({ default: 'ldap', ...realmOptions })),
    timeout: defaulted(
      Type.Integer({ minimum: 1, maximum: 60_000, default: 3_000, description: 'milliseconds for one question' }),
    ),
    cache_ttl: defaulted(
      Type.Integer({
        minimum: 0,
        maximum: 300,
        default: 0,
        description: 'seconds that right credentials are not asked about again; 0: ask for each request',
      }),
    ),
  },
  { additionalProperties: false },
)

const consumerSchema = Type.Object(
  {
    user_dn: Type.String({
      minLength: 1,
      description:
        'distinguished name of the user: `cn=jack,` and the `base_dn` of the route; no two consumers may have the same',
    }),
  },
  { additionalProperties: false },
)

/** Idle connections per place and worker. */
const MAX_IDLE = 5
const IDLE_TIMEOUT_MS = 60_000

export default definePlugin({
  name: 'ldap-auth',
  priority: 2540,
  placeless: true,
  type: 'auth',
  schema,
  consumerSchema,
  consumerKey: 'user_dn',
  check(config) {
    return addressOf(config) === undefined
      ? {
          path: '/ldap_uri',
          message: 'must be a host and a port; write it as "ldaps://ldap.internal" or "10.0.0.5:389"',
        }
      : undefined
  },
  create({ base_dn, uid, hide_credentials: hide, realm, ...config }, context) {
    const { consumers, logger, metrics, scope } = context
    const address = addressOf(config) as DirectoryAddress
    const refuse = refusal(`Basic realm="${realm}"`, undefined, context)
    const pool = new BindPool({
      address,
      timeoutMs: config.timeout,
      maxIdle: MAX_IDLE,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
    })
    const known = new KnownCredentials(config.cache_ttl * 1_000)
    const counts = new CallCounts('ldap-auth', metrics)
    const health = new ServiceHealth(
      `ldap-auth: ${address.host}:${address.port}`,
      { plugin: 'ldap-auth', place: scope },
      logger,
    )

    function settle(session: GatewaySession, dn: string, right: boolean): void {
      const match = right ? consumers.find(dn) : undefined
      if (match === undefined) refuse(session, WRONG)
      else session.ctx.attachConsumer(match.consumer, match.credential)
    }

    async function ask(session: GatewaySession, dn: string, password: string): Promise<void> {
      let right: boolean
      try {
        right = await pool.verify(dn, password)
      } catch (error) {
        const { kind, message } =
          error instanceof DirectoryFailure ? error : ({ kind: 'refused', message: String(error) } as const)
        counts.add(kind)
        health.failed(message, 'requests are refused')
        session.respond(503, { message: 'the directory does not answer' })
        return
      }
      counts.add('ok')
      health.answered()
      if (session.finishedAt !== 0) return
      if (right) known.add(dn, password)
      settle(session, dn, right)
    }

    return {
      rewrite(session) {
        const { headers } = session.request
        const field = headers.get('authorization')
        if (field === undefined) return refuse(session, 'the request has no Authorization header')
        if (hide) headers.delete('authorization')
        const credentials = readBasicCredentials(field)
        if (credentials === undefined)
          return refuse(session, 'the Authorization header does not hold Basic credentials')
        const { username, password } = credentials
        if (username === '' || password === '') return refuse(session, WRONG)
        const dn = `${uid}=${escapeDnValue(username)},${base_dn}`
        if (known.has(dn, password)) return settle(session, dn, true)
        return ask(session, dn, password)
      },
      dispose: () => pool.close(),
    }
  },
})

const WRONG = 'the user name or the password is wrong'

/** Where the directory is; undefined for what is no address. */
function addressOf({ ldap_uri: written, use_tls, tls_verify: verify }: AddressFields): DirectoryAddress | undefined {
  const match = /^(?:(ldaps?):\/\/)?(?:([A-Za-z0-9._-]+)|\[([0-9A-Fa-f:.]+)\])(?::(\d{1,5}))?\/?$/.exec(written)
  if (match === null) return undefined
  const tls = use_tls || match[1] === 'ldaps'
  const port = match[4] === undefined ? (tls ? 636 : 389) : Number(match[4])
  return port < 1 || port > 65_535 ? undefined : { host: match[2] ?? match[3], port, tls, verify }
}

interface AddressFields {
  readonly ldap_uri: string
  readonly use_tls: boolean
  readonly tls_verify: boolean
}
