import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { type SecretRule, secretRule } from '../config/secret-fields.ts'
import { StoreControlPlane } from '../control/store-control-plane.ts'
import { builtInNames, loadBuiltIn } from '../plugins/built-in.ts'
import type { PluginDefinition } from '../plugins/definition.ts'
import { PluginRegistry } from '../plugins/plugin-registry.ts'
import { MemoryBackend } from '../store/backend/testing/memory-backend.ts'
import { KeyRing } from '../store/documents/key-ring.ts'
import { testDocumentStore } from '../store/documents/testing/test-document-store.ts'
import { createAdminApp } from './admin-app.ts'
import type { AuditEntry } from './audit/audit-entry.ts'
import { ADMIN_KEY, KEYS, VIEWER_KEY } from './testing/admin-tester.ts'

/**
 * Secrets of all plugins: whatever looks like one in a schema is either known as one, or stands in `HARMLESS`; and those that are known
 * are written through the Admin API and looked for in the store, in what viewers read, and in the audit log.
 */

type Kind = 'routes' | 'consumers' | 'plugin_metadata'

/** A field with text in it. `*` stands for any name. */
interface TextField {
  readonly plugin: string
  readonly kind: Kind
  readonly path: readonly string[]
}

const nameOf = ({ plugin, kind, path }: TextField): string => `${kind} ${plugin}/${path.join('/')}`

interface Node {
  readonly type?: string
  readonly enum?: unknown
  readonly const?: unknown
  readonly anyOf?: readonly Node[]
  readonly oneOf?: readonly Node[]
  readonly allOf?: readonly Node[]
  readonly items?: Node
  readonly properties?: Readonly<Record<string, Node>>
  readonly patternProperties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: boolean | Node
}

function textPaths(node: Node | undefined, path: readonly string[] = []): (readonly string[])[] {
  if (node === undefined) return []
  const { anyOf = [], oneOf = [], allOf = [], items, properties = {}, patternProperties = {} } = node
  const found = [...anyOf, ...oneOf, ...allOf, ...(items === undefined ? [] : [items])].flatMap((one) =>
    textPaths(one, path),
  )
  for (const [name, inner] of Object.entries(properties)) found.push(...textPaths(inner, [...path, name]))
  const { additionalProperties: others } = node
  for (const inner of [...Object.values(patternProperties), ...(typeof others === 'object' ? [others] : [])])
    found.push(...textPaths(inner, [...path, '*']))
  if (node.type === 'string' && node.enum === undefined && node.const === undefined) found.push(path)
  return found
}

/** Where the configuration of a plugin stands in a resource. */
const inResource = (kind: Kind, plugin: string): readonly string[] =>
  kind === 'plugin_metadata' ? [] : ['plugins', plugin]

/** What a name looks like a secret by: more than `secretRule` goes by. */
const LOOKS =
  /key|secret|token|passw|pwd|auth|cred|dsn|header(s|\/|$)|jwk|salt|license|cookie|session|signature|private|bearer|sasl/i

/** Names that look so, and are none. A field of a new plugin belongs here, or into `config/secret-fields.ts`. */
const HARMLESS: readonly RegExp[] = [
  // Names of fields, claims, cookies and variables, and where to look for them.
  /\/(header|cookie|key_claim_name|forward_header|(limit|remaining|reset)_header|header_name|header_prefix)$/,
  /\/(allow|expose|request|upstream|client|signed|send|cors_allow|req)_headers(_upstream)?$/,
  /\/(cookie_(name|path|domain)|introspection_addon_headers|additional_header_prefix_attributes|key_name|csrf_name)$/,
  /\/external_user_label_field_key$/,
  // What requests are counted, hashed or cached by; the key of a Kafka message; the name of a field.
  /^routes limit-(conn|count|req)\/(rules\/)?key$/,
  /^routes traffic-split\/.*\/(key|cookie)$/,
  /^routes proxy-cache\/cache_key$/,
  /kafka(-logger)?\/key$/,
  /^routes (api-breaker|workflow)\/.*\/key$/,
  // Public by nature, ids, addresses, and references to what is elsewhere.
  /\/(public_key|client_rsa_private_key_id|key_id|jwks_uri|client_cert(_id|\/file)?|client_key\/file|sentinel_username)$/,
  /\/(session|sasl_config|auth|authorization|keys|redis)(\/redis|\/iam)?\/(username|user|host|prefix|server_name|clientid|service|aws_region)$/,
  /\/token_signing_alg_values_expected$/,
  // Free fields: by their names, as `Authorization` and `X-API-Key`, and not all of them.
  /\/(\w*headers|authorization_params|query_params|conf)(\/(set|add|remove))?(\/\*)?$/,
  /^routes api-breaker\/break_response_headers\/value$/,
  /^routes acl\//,
  /^routes [\w-]*auth[\w-]*\/(realm|anonymous_consumer|uri|host|policy|base_dn|ldap_uri|uid|query)$/,
  /^routes (hmac-auth|basic-auth|key-auth|jwt-auth)\//,
  /^routes (forward-auth|authz-casbin|lambda-authorizer)\/(uri|username|model|policy|model_path|policy_path|endpoint|function_name|qualifier|identity_sources)$/,
  /^consumers (basic-auth\/username|hmac-auth\/key_id|ldap-auth\/user_dn|jwt-auth\/(issuer|audience))$/,
  /^plugin_metadata (authz-casbin|error-log-logger)\/(model|policy|skywalking\/.*)$/,
]

let count = 0
const hidden: string[] = []
/** A secret that occurs nowhere else. */
function secret(): string {
  const text = `hush-${++count}-hush-hush-hush`
  hidden.push(text)
  return text
}

function pemOf(key: KeyObject): string {
  const pem = key.export({ type: 'pkcs8', format: 'pem' }) as string
  hidden.push(pem.split('\n')[1]!)
  return pem
}

function dpop(): object {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { enabled: true, private_key: pemOf(privateKey), public_jwk: publicKey.export({ format: 'jwk' }) }
}

const redis = () => ({
  policy: 'redis-sentinel',
  redis_sentinels: [{ host: 'sentinel', port: 26379 }],
  redis_master_name: 'main',
  redis_password: secret(),
  sentinel_password: secret(),
})
const sasl = () => ({ host: 'kafka', port: 9092, sasl_config: { user: 'u', password: secret() } })
const iam = () => ({ iam: { accesskey: secret(), secretkey: secret() } })
const session_iam = () => ({ iam: { accesskey: secret(), secretkey: secret(), session_token: secret() } })
const oidc = { client_id: 'c', discovery: 'https://idp.test/.well-known/openid-configuration' }

/** By kind and plugin: configurations that have all its secrets. */
const SAMPLES: Readonly<Record<string, () => readonly object[]>> = {
  'consumers basic-auth': () => [{ username: 'jo', password: secret() }],
  'consumers hmac-auth': () => [{ key_id: 'jo', secret_key: secret() }],
  'consumers jwe-decrypt': () => {
    const text = 'hush-of-thirty-two-characters-jo'
    hidden.push(text)
    return [{ key: secret(), secret: text }]
  },
  'consumers jwt-auth': () => [{ key: secret(), secret: secret() }],
  'consumers key-auth': () => [{ key: secret() }],
  'plugin_metadata azure-functions': () => [{ master_apikey: secret() }],
  'plugin_metadata error-log-logger': () => [
    { clickhouse: { endpoint_addr: 'http://c:8123', user: 'u', password: secret(), database: 'd', logtable: 't' } },
    { kafka: { brokers: [sasl()], kafka_topic: 't' } },
  ],
  'plugin_metadata opentelemetry': () => [
    { collector: { address: '127.0.0.1:4318', request_headers: { 'X-Tenant': secret() } } },
  ],
  'routes aws-lambda': () => [
    { function_uri: 'https://a.test/', authorization: { apikey: secret() } },
    { function_uri: 'https://a.test/', authorization: iam() },
  ],
  'routes azure-functions': () => [{ function_uri: 'https://a.test/', authorization: { apikey: secret() } }],
  'routes clickhouse-logger': () => [
    { endpoint_addrs: ['http://c:8123'], user: 'u', password: secret(), database: 'd', logtable: 't' },
  ],
  'routes csrf': () => [{ key: secret() }],
  'routes elasticsearch-logger': () => [
    {
      endpoint_addrs: ['http://e:9200'],
      field: { index: 'i' },
      auth: { username: 'u', password: secret() },
      headers: { 'X-Tenant': secret() },
    },
  ],
  'routes http-logger': () => [{ uri: 'http://l/', auth_header: secret() }, { uri: `http://u:${secret()}@l/` }],
  'routes kafka-logger': () => [{ brokers: [sasl()], kafka_topic: 't' }],
  'routes forward-auth': () => [
    { uri: 'http://a/', extra_headers: { 'X-API-Key': secret(), Authorization: secret() } },
  ],
  'routes proxy-rewrite': () => [{ headers: { set: { 'X-Api-Key': secret(), Authorization: secret() } } }],
  'routes lambda': () => [{ function_name: 'f', endpoint: 'https://a.test', authorization: session_iam() }],
  'routes lambda-authorizer': () => [{ function_name: 'f', endpoint: 'https://a.test', authorization: session_iam() }],
  'routes lambda-websocket': () => [
    { routes: { $default: { function_name: 'f' } }, endpoint: 'https://a.test', authorization: session_iam() },
  ],
  'routes lambda-connections': () => [{ keys: [{ accesskey: secret(), secretkey: secret() }] }],
  'routes limit-conn': () => [{ conn: 1, burst: 0, default_conn_delay: 0.1, key: 'remote_addr', ...redis() }],
  'routes limit-count': () => [{ count: 1, time_window: 1, ...redis() }],
  'routes limit-req': () => [{ rate: 1, burst: 0, key: 'remote_addr', ...redis() }],
  'routes loki-logger': () => [{ endpoint_addrs: [`http://u:${secret()}@l:3100`], headers: { 'X-Tenant': secret() } }],
  'routes openfunction': () => [{ function_uri: 'https://a.test/', authorization: { service_token: secret() } }],
  'routes openid-connect': () => [
    {
      ...oidc,
      client_secret: secret(),
      session: { secret: secret(), storage: 'redis', redis: { host: '127.0.0.1', password: secret() } },
      dpop: dpop(),
    },
    {
      ...oidc,
      token_endpoint_auth_method: 'private_key_jwt',
      client_rsa_private_key: pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
      session: { secret: secret() },
    },
  ],
  'routes openwhisk': () => [{ api_host: 'http://o', service_token: secret(), namespace: 'n', action: 'a' }],
  'routes sentry': () => [{ dsn: `https://${secret()}@sentry.test/1` }],
  'routes splunk-hec-logging': () => [{ endpoint: { uri: 'http://s/', token: secret() } }],
  'routes traffic-split': () => [
    {
      rules: [
        {
          weighted_upstreams: [
            { upstream: { type: 'roundrobin', nodes: { 'a:80': 1 }, sticky: { cookie: 'c', secret: secret() } } },
          ],
        },
      ],
    },
  ],
}

/** Secrets that no configuration can have: `check` refuses the option or a function in this place, or a certificate of the test would be needed. */
const NOT_WRITTEN: readonly RegExp[] = [
  /\/proxy_opts\/https?_proxy_authorization$/,
  /\/tls\/client_key$/,
  /^routes traffic-split\/.*\/authorization\/iam\/\w+$/,
]

const author = { 'x-api-key': ADMIN_KEY, 'content-type': 'application/json' }

describe('secrets of plugins', async () => {
  const plugins = new PluginRegistry()
  const fields: TextField[] = []
  let rules: Record<Kind, SecretRule>
  const known = (field: TextField): boolean =>
    rules[field.kind]([...inResource(field.kind, field.plugin), ...field.path])

  beforeAll(async () => {
    await plugins.loadAll()
    rules = {
      routes: secretRule('routes', plugins),
      consumers: secretRule('consumers', plugins),
      plugin_metadata: secretRule('plugin_metadata', plugins),
    }
    for (const plugin of builtInNames()) {
      const { schema, consumerSchema, metadataSchema } = (await loadBuiltIn(plugin)) as PluginDefinition
      const schemas = { routes: schema, consumers: consumerSchema, plugin_metadata: metadataSchema }
      for (const [kind, one] of Object.entries(schemas))
        for (const path of textPaths(one as Node | undefined)) fields.push({ plugin, kind: kind as Kind, path })
    }
  })

  it('what looks like a secret is known as one, or is known not to be', () => {
    const unknown = fields
      .filter((field) => LOOKS.test(field.path.join('/')) && !known(field))
      .map(nameOf)
      .filter((name) => !HARMLESS.some((harmless) => harmless.test(name)))
    expect([...new Set(unknown)]).toEqual([])
  })

  it('has a sample of each', () => {
    const missing: string[] = []
    for (const field of fields.filter(known)) {
      const samples = SAMPLES[`${field.kind} ${field.plugin}`]?.() ?? []
      if (samples.some((sample) => has(sample, field.path))) continue
      const name = nameOf(field)
      if (!NOT_WRITTEN.some((one) => one.test(name))) missing.push(name)
    }
    expect([...new Set(missing)]).toEqual([])
  })

  it('are nowhere in clear: not in the store, not for viewers, not in the audit log', async () => {
    hidden.length = 0
    const backend = new MemoryBackend()
    const store = testDocumentStore(backend, { plugins, keyRing: new KeyRing(['a-key-of-the-tests']) })
    await store.load()
    const control = new StoreControlPlane(store, backend)
    const audited: AuditEntry[] = []
    const logged: unknown[] = []
    const log = (...line: unknown[]): void => void logged.push(line)
    const app = createAdminApp({
      control,
      keys: KEYS,
      plugins,
      audit: (entry) => void audited.push(entry),
      logger: { error: log, warn: log, info: log },
    })
    const ask = async (method: string, path: string, headers: Record<string, string>, body?: object) => {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) }
      const response = await app.request(`/apisix/admin${path}`, { method, headers, ...sent })
      return { status: response.status, text: await response.text() }
    }

    const paths: string[] = []
    const refused: string[] = []
    for (const [name, samples] of Object.entries(SAMPLES)) {
      const [kind, plugin] = name.split(' ') as [Kind, string]
      for (const [at, sample] of samples().entries()) {
        const id = `${plugin}-${at}`
        const [path, body] =
          kind === 'plugin_metadata'
            ? [`/plugin_metadata/${plugin}`, sample]
            : kind === 'consumers'
              ? [`/consumers/${id}`, { username: id, plugins: { [plugin]: sample } }]
              : [`/routes/${id}`, { uri: `/${id}`, plugins: { [plugin]: sample }, upstream: { nodes: { 'a:80': 1 } } }]
        for (const pass of ['create', 'change']) {
          const answer = await ask('PUT', path, author, {
            ...body,
            ...(pass === 'change' && kind !== 'plugin_metadata' ? { desc: 'changed' } : {}),
          })
          if (answer.status > 201) refused.push(`${name}: ${answer.text}`)
        }
        if (!paths.includes(path)) paths.push(path)
      }
    }
    expect(refused).toEqual([])

    const seen = new Map<string, string>()
    const { documents } = await backend.snapshot()
    seen.set('the store', [...documents.values()].map(({ value }) => value).join('\n'))
    seen.set('the audit log', JSON.stringify(audited))
    seen.set('the log', JSON.stringify(logged))
    const viewer = { 'x-api-key': VIEWER_KEY }
    for (const path of paths) seen.set(`a viewer at ${path}`, (await ask('GET', path, viewer)).text)
    for (const path of [
      '/routes',
      '/consumers',
      '/plugin_metadata',
      '/configs',
      '/history',
      '/history/1',
      '/diff?from=1',
      '/export',
    ])
      seen.set(`a viewer at ${path}`, (await ask('GET', path, viewer)).text)
    expect(hidden.length).toBeGreaterThan(50)
    const shown = [...seen].flatMap(([where, text]) =>
      hidden.filter((one) => text.includes(one)).map((one) => `${where}: ${one}`),
    )
    expect(shown).toEqual([])
    await store.close()
  })
})

/** Whether a value has something at a path; lists are passed through, `*` is any name. */
function has(value: unknown, path: readonly string[]): boolean {
  if (Array.isArray(value)) return value.some((one) => has(one, path))
  const [name, ...rest] = path
  if (name === undefined) return typeof value === 'string'
  if (typeof value !== 'object' || value === null) return false
  if (name === '*') return Object.values(value).some((inner) => has(inner, rest))
  return Object.hasOwn(value, name) && has((value as Record<string, unknown>)[name], rest)
}
