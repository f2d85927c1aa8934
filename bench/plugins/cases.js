// One entry for each plugin: its common case, as most routes have it. A plugin without an entry is reported as not measured.
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'

/**
 * @typedef {object} PluginCase
 * @property {object | ((port: number) => object)} [config] on the route
 * @property {'http' | 'tcp' | 'udp'} [sink] a server beside, in a process of its own; `config` and `document` get its port
 * @property {boolean} [common] one of the twenty that most users have; at most `LIMIT_MICROS` each
 * @property {object} [beside] other plugins that it needs on the route; the plain route has them as well
 * @property {object | ((port: number) => object)} [document] consumers, metadata and other parts of the configuration
 * @property {import('./memory.js').BenchRequest | (() => import('./memory.js').BenchRequest)} [request]
 * @property {import('./memory.js').BenchAnswer} [upstream]
 * @property {number} [status] what comes back; else 200
 * @property {string} [note]
 * @property {string} [unmeasured] why it is not: nothing but calls of something else
 */

/** What one of the twenty commonest may add, µs. */
export const LIMIT_MICROS = 5

const base64url = (/** @type {string} */ text) => Buffer.from(text).toString('base64url')
const signed = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url('{"key":"jack","sub":"jack"}')}`
const SECRET = 'a-secret-of-at-least-32-characters'
const JWT = `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
const OWN_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const claims = {
  iss: 'https://id.example.com',
  sub: 'robot',
  exp: Math.floor(Date.now() / 1_000) + 86_400,
  scope: 'orders',
}
const unsigned = `${base64url('{"alg":"ES256"}')}.${base64url(JSON.stringify(claims))}`
const signature = sign('sha256', Buffer.from(unsigned), { key: OWN_KEY.privateKey, dsaEncoding: 'ieee-p1363' })
const ACCESS_TOKEN = `${unsigned}.${signature.toString('base64url')}`
const JSON_BODY = '{"name":"kite","price":7,"tags":["a","b"]}'
const JSON_TYPE = { 'Content-Type': 'application/json' }
const FUNCTION = 'calls a function for each request'
const SERVICE = 'asks another service for each request'
const KEEPS = 'batches of 1,000 to a server that takes them'
const SETS_A_FIELD = '({ request }) => { request.headers.set("X-Tenant", "acme") }'
const batch = { batch_max_size: 1_000 }

const consumer = (/** @type {object} */ plugins) => ({ consumers: [{ username: 'jack', plugins }] })

/** @type {Record<string, PluginCase>} */
export const CASES = {
  // The twenty.
  'key-auth': {
    common: true,
    document: consumer({ 'key-auth': { key: 's3cret' } }),
    request: { headers: { apikey: 's3cret' } },
  },
  'jwt-auth': {
    common: true,
    document: consumer({ 'jwt-auth': { key: 'jack', secret: SECRET } }),
    request: { headers: { Authorization: `Bearer ${JWT}` } },
    note: 'a token that was seen before',
  },
  'basic-auth': {
    common: true,
    document: consumer({ 'basic-auth': { username: 'jack', password: 'open-sesame' } }),
    request: { headers: { Authorization: `Basic ${Buffer.from('jack:open-sesame').toString('base64')}` } },
  },
  'consumer-restriction': {
    common: true,
    config: { whitelist: ['jack', 'jill'] },
    beside: { 'key-auth': {} },
    document: consumer({ 'key-auth': { key: 's3cret' } }),
    request: { headers: { apikey: 's3cret' } },
  },
  'ip-restriction': { common: true, config: { whitelist: ['10.0.0.0/8', '192.0.2.0/24'] } },
  'ua-restriction': { common: true, config: { denylist: ['(?i)badbot', '^curl/'] } },
  'referer-restriction': {
    common: true,
    config: { whitelist: ['*.example.com'] },
    request: { headers: { Referer: 'https://www.example.com/a' } },
  },
  'uri-blocker': { common: true, config: { block_rules: ['root.exe', '\\.\\./'] } },
  cors: {
    common: true,
    config: { allow_origins: 'https://shop.example.com' },
    request: { headers: { Origin: 'https://shop.example.com' } },
  },
  'limit-count': { common: true, config: { count: 1_000_000_000, time_window: 3_600, key: 'remote_addr' } },
  'limit-req': { common: true, config: { rate: 1e9, burst: 1e9, key: 'remote_addr' } },
  'limit-conn': { common: true, config: { conn: 1_000, burst: 0, default_conn_delay: 0.1, key: 'remote_addr' } },
  'proxy-rewrite': {
    common: true,
    config: { regex_uri: ['^/api/(.*)', '/$1'], headers: { set: { 'X-Api-Version': '2' } } },
    request: { path: '/api/orders?x=1' },
  },
  'response-rewrite': {
    common: true,
    config: { headers: { set: { 'X-Served-By': 'sekisho' }, remove: ['X-Powered-By'] } },
  },
  redirect: { common: true, config: { http_to_https: true }, status: 301, note: 'in place of the upstream' },
  'request-id': { common: true, config: {} },
  'real-ip': {
    common: true,
    config: { source: 'http_x_forwarded_for', trusted_addresses: ['192.0.2.0/24'] },
    request: { headers: { 'X-Forwarded-For': '198.51.100.7' } },
  },
  prometheus: { common: true, config: {} },
  'traffic-split': {
    common: true,
    config: {
      rules: [{ weighted_upstreams: [{ upstream: { nodes: { '127.0.0.1:2': 1 } }, weight: 1 }, { weight: 4 }] }],
    },
  },
  'api-breaker': { common: true, config: { break_response_code: 502 } },

  // The others.
  acl: {
    config: { allow_labels: { team: ['web'] } },
    beside: { 'key-auth': {} },
    document: {
      consumers: [{ username: 'jack', labels: { team: 'web' }, plugins: { 'key-auth': { key: 's3cret' } } }],
    },
    request: { headers: { apikey: 's3cret' } },
  },
  'attach-consumer-label': {
    config: { headers: { 'X-Team': '$team' } },
    beside: { 'key-auth': {} },
    document: {
      consumers: [{ username: 'jack', labels: { team: 'web' }, plugins: { 'key-auth': { key: 's3cret' } } }],
    },
    request: { headers: { apikey: 's3cret' } },
  },
  'client-control': { config: { max_body_size: 65_536 } },
  csrf: { config: { key: 'a-secret-of-at-least-16' } },
  degraphql: {
    config: { query: 'query ($id: ID!) { order(id: $id) { name } }', variables: ['id'] },
    request: { method: 'POST', headers: JSON_TYPE, body: '{"id":"7"}' },
  },
  echo: { config: { before_body: '<!-- ' } },
  'fault-injection': { config: { abort: { http_status: 503, vars: [[['arg_fault', '==', '1']]] } } },
  'grpc-web': { config: {}, note: 'a request that is none' },
  mocking: { config: { response_example: 'done' }, note: 'in place of the upstream' },
  'proxy-cache': { config: { cache_strategy: 'memory', cache_ttl: 3_600 }, note: 'a hit, in place of the upstream' },
  'proxy-control': { config: { request_buffering: false } },
  'request-validation': {
    config: { body_schema: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } },
    request: { method: 'POST', headers: JSON_TYPE, body: JSON_BODY },
  },
  workflow: { config: { rules: [{ case: [['uri', '==', '/never']], actions: [['return', { code: 403 }]] }] } },
  gzip: { config: { types: ['text/html'] }, note: 'a response that is not compressed' },
  brotli: { config: { types: ['text/html'] }, note: 'a response that is not compressed' },
  'data-mask': {
    config: { request: [{ action: 'remove', type: 'query', name: 'password' }] },
    request: { path: '/login?user=jack&password=s3cret' },
  },
  'file-logger': { config: { path: '/dev/null' } },
  'hmac-auth': {
    document: consumer({ 'hmac-auth': { key_id: 'jack', secret_key: SECRET } }),
    request: () => {
      const date = new Date().toUTCString()
      const text = `jack\nGET /\ndate: ${date}\n`
      const signature = createHmac('sha256', SECRET).update(text).digest('base64')
      const what = 'keyId="jack",algorithm="hmac-sha256",headers="@request-target date"'
      return { headers: { Date: date, Authorization: `Signature ${what},signature="${signature}"` } }
    },
  },
  'jwe-decrypt': {
    config: { header: 'Authorization', forward_header: 'Authorization', strict: false },
    note: 'a request without a token',
  },
  'multi-auth': {
    config: { auth_plugins: [{ 'basic-auth': {} }, { 'key-auth': {} }] },
    document: consumer({ 'key-auth': { key: 's3cret' } }),
    request: { headers: { apikey: 's3cret' } },
  },
  'authz-casbin': {
    config: {
      username: 'X-User',
      model:
        '[request_definition]\nr = sub, obj, act\n[policy_definition]\np = sub, obj, act\n[role_definition]\ng = _, _\n[policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\nm = g(r.sub, p.sub) && keyMatch(r.obj, p.obj) && regexMatch(r.act, p.act)',
      policy: 'p, *, /, GET\np, reader, /*, ^GET$\ng, jack, reader',
    },
    request: { headers: { 'X-User': 'jack' } },
  },
  wasm: { config: { path: 'examples/wasm/house-rules.wasm', conf: 'deny=BadBot via=sekisho' } },
  'http-logger': { sink: 'http', config: (port) => ({ uri: `http://127.0.0.1:${port}/`, ...batch }), note: KEEPS },
  'tcp-logger': { sink: 'tcp', config: (port) => ({ host: '127.0.0.1', port, ...batch }), note: KEEPS },
  'udp-logger': { sink: 'udp', config: (port) => ({ host: '127.0.0.1', port, ...batch }), note: KEEPS },
  syslog: { sink: 'tcp', config: (port) => ({ host: '127.0.0.1', port, ...batch }), note: KEEPS },
  'loki-logger': {
    sink: 'http',
    config: (port) => ({ endpoint_addrs: [`http://127.0.0.1:${port}`], ...batch }),
    note: KEEPS,
  },
  'elasticsearch-logger': {
    sink: 'http',
    config: (port) => ({ endpoint_addrs: [`http://127.0.0.1:${port}`], field: { index: 'gateway' }, ...batch }),
    note: KEEPS,
  },
  'clickhouse-logger': {
    sink: 'http',
    config: (port) => ({
      endpoint_addrs: [`http://127.0.0.1:${port}`],
      user: 'default',
      password: '',
      database: 'default',
      logtable: 'requests',
      ...batch,
    }),
    note: KEEPS,
  },
  'splunk-hec-logging': {
    sink: 'http',
    config: (port) => ({
      endpoint: { uri: `http://127.0.0.1:${port}/`, token: '4a2d8f0e-1c0b-4d55-9d5e-0f5f8d1b6a11' },
      ...batch,
    }),
    note: KEEPS,
  },
  datadog: {
    sink: 'udp',
    config: () => batch,
    document: (port) => ({ plugin_metadata: [{ id: 'datadog', host: '127.0.0.1', port }] }),
    note: KEEPS,
  },

  'aws-lambda': { unmeasured: FUNCTION },
  'azure-functions': { unmeasured: FUNCTION },
  openfunction: { unmeasured: FUNCTION },
  openwhisk: { unmeasured: FUNCTION },
  lambda: { unmeasured: FUNCTION },
  'lambda-authorizer': { unmeasured: FUNCTION },
  'lambda-connections': { unmeasured: 'answers calls of functions' },
  'lambda-websocket': { unmeasured: FUNCTION },
  'proxy-mirror': { sink: 'http', config: (port) => ({ host: `http://127.0.0.1:${port}` }), note: 'every request' },
  'serverless-pre-function': { config: { functions: [SETS_A_FIELD] }, note: 'sets a header field, in the sandbox' },
  'serverless-post-function': { config: { functions: [SETS_A_FIELD] }, note: 'sets a header field, in the sandbox' },
  'exit-transformer': { config: { functions: ['() => undefined'] }, note: 'a response of the upstream' },
  'body-transformer': {
    config: { request: { input_format: 'json', template: '<kite><name>{*_escape_xml(name)*}</name></kite>' } },
    request: { method: 'POST', headers: JSON_TYPE, body: JSON_BODY },
    note: 'a small body from JSON to XML',
  },
  opentelemetry: {
    sink: 'http',
    config: { sampler: { name: 'always_on' } },
    document: (port) => ({
      plugin_metadata: [
        {
          id: 'opentelemetry',
          collector: { address: `127.0.0.1:${port}` },
          batch_span_processor: { max_queue_size: 100_000, max_export_batch_size: 1_000 },
        },
      ],
    }),
    note: 'each request and its attempt are recorded; 0.9 µs for one that is not',
  },
  zipkin: {
    sink: 'http',
    config: (port) => ({ endpoint: `http://127.0.0.1:${port}/api/v2/spans`, sample_ratio: 1 }),
    note: 'each request is recorded',
  },
  sentry: { config: { dsn: 'http://key@127.0.0.1:9/1' }, note: 'a request without an error' },
  'node-status': { unmeasured: 'answers itself' },
  'server-info': { unmeasured: 'does nothing for requests' },
  'batch-requests': { unmeasured: 'answers itself' },
  'grpc-transcode': { unmeasured: 'needs a service; docs/benchmarks.md has its figures' },
  'public-api': { unmeasured: 'answers itself' },
  'forward-auth': { unmeasured: SERVICE },
  opa: { unmeasured: SERVICE },
  'ldap-auth': { unmeasured: SERVICE },
  'openid-connect': {
    config: {
      discovery: 'http://127.0.0.1:9/',
      client_id: 'gateway',
      bearer_only: true,
      public_key: OWN_KEY.publicKey.export({ format: 'pem', type: 'spki' }),
      claim_validator: { issuer: { valid_issuers: ['https://id.example.com'] } },
    },
    request: { headers: { Authorization: `Bearer ${ACCESS_TOKEN}` } },
    note: 'a bearer token that was seen before',
  },
  'kafka-logger': { unmeasured: 'needs a broker' },
  'error-log-logger': { unmeasured: 'sees the log, not requests' },
}
