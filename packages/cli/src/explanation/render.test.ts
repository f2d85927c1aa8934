import { expect, it } from 'vitest'
import { loadConfigText } from '@sekisho/gateway/internal/config/load'
import { explainRequest } from '@sekisho/gateway/internal/explain/index'
import { PluginRegistry } from '@sekisho/gateway/internal/plugins/plugin-registry'
import { renderExplanation } from './render.ts'

const YAML = `
consumers:
  - { username: alice, plugins: { key-auth: { key: alice-key } } }
upstreams:
  - { id: demo, nodes: { "10.0.0.1:1980": 1, "10.0.0.2:1980": 2 }, retry_timeout: 9 }
services:
  - { id: shop, upstream_id: demo, plugins: { limit-count: { count: 9, time_window: 9 } } }
routes:
  - { id: hello, name: greets, uri: "/hello/:name", service_id: shop, plugins: { limit-count: { count: 5, time_window: 10 }, cors: {} } }
  - { id: post, uri: "/hello/*", methods: [POST], upstream: "http://10.0.0.3:80" }
  - { id: secret, uri: /secret/*, upstream_id: demo, plugins: { key-auth: {} } }
  - { id: slow, uri: /slow, plugins: { mocking: { response_example: x, delay: 9 } } }
`

async function text(method: string, url: string, headers: [string, string][] = [], yaml = YAML): Promise<string> {
  const plugins = new PluginRegistry()
  await plugins.loadAll()
  const { config } = await loadConfigText('test.yaml', yaml, { plugins })
  return renderExplanation(await explainRequest({ method, url, headers }, { config: config!, plugins }))
}

it('says that the health of nodes is not known here', async () => {
  const yaml = YAML.replace('retry_timeout: 9', 'checks: { active: {} }, outlier_detection: {}')
  expect(await text('GET', 'http://a.example/hello/bob', [], yaml)).toContain(
    '\n  health    taken as good; what checks, outlier_detection found, /v1/healthcheck tells\n',
  )
})

it('says the short answer first, then what led to it', async () => {
  expect(await text('GET', 'http://a.example/hello/bob?x=1')).toBe(`\
GET /hello/bob?x=1, host a.example, from 127.0.0.1
  => route hello, to 10.0.0.2:1980 or another node

Route hello
  matches  /hello/:name
  because  before post, because a parameter goes before a wildcard
  name     greets
  service  shop
  :name    bob

Routes not taken, the nearest first
  post  methods: route wants POST, request has GET
  and 2 more that do not fit (--all)

Plugins, in the order in which they run
  rewrite          cors         4000  routes/hello
  access        ?  limit-count  1002  routes/hello   goes by the counters of the running gateway
  headerFilter     cors         4000  routes/hello
                   limit-count  1002  routes/hello
  not run       -  limit-count        services/shop  routes/hello has its own

Upstream upstreams/demo
  node      http://10.0.0.2:1980 on a first request
  nodes     10.0.0.1:1980 (weight 1), 10.0.0.2:1980 (weight 2); nodes take turns by weight
  timeouts  connect 60 s, send 60 s, read 60 s
  retries   up to 1, within 9 s
  it gets   GET /hello/bob?x=1
            Host: a.example
            X-Real-IP: 127.0.0.1
            X-Forwarded-For: 127.0.0.1
            X-Forwarded-Proto: http
            X-Forwarded-Host: a.example
            X-Forwarded-Port: 8080
`)
})

it('tells the answer of a plugin, and the upstream that is not reached', async () => {
  expect(await text('GET', '/secret/x')).toBe(`\
GET /secret/x, host localhost, from 127.0.0.1
  => route secret, 401 from key-auth

Route secret
  matches  /secret/*
  because  no other route is left

Plugins, in the order in which they run
  rewrite  >  key-auth  2500  routes/secret  answers the request

Answer 401 from the plugin key-auth
  WWW-Authenticate: apikey realm="key"
  {"message":"the request has no API key"}

Upstream upstreams/demo, which this request does not reach
  nodes     10.0.0.1:1980 (weight 1), 10.0.0.2:1980 (weight 2); nodes take turns by weight
  timeouts  connect 60 s, send 60 s, read 60 s
  retries   up to 1, within 9 s
`)
})

it('tells how a gRPC call is treated', async () => {
  const yaml = (more: string): string => `
services:
  - { id: greeter, upstream: { scheme: grpc, nodes: { "10.0.0.1:50051": 1 }${more} }, grpc: { max_timeout: 9, retry_on: [aborted] } }
routes:
  - { uri: /helloworld.Greeter/*, service_id: greeter }
`
  const path = '/helloworld.Greeter/SayHello'
  expect(await text('POST', path, [], yaml(''))).toContain(
    '  grpc      no read timeout for calls; at most 9 s; another node on aborted\n',
  )
  const written = yaml(', timeout: { connect: 1, send: 2, read: 3 }')
  expect(await text('POST', path, [], written)).toContain('  grpc      at most 9 s; another node on aborted\n')
})

it('tells the nearest routes when none matches', async () => {
  expect(await text('GET', '/hell')).toBe(`\
GET /hell, host localhost, from 127.0.0.1
  => no route matches, 404 from the gateway

Route
  none matches /hell

Routes not taken, the nearest first
  hello   uri: route wants /hello/:name, request has /hell
  post    uri: route wants /hello/*, request has /hell
  secret  uri: route wants /secret/*, request has /hell
  slow    uri: route wants /slow, request has /hell

Plugins: none

Answer 404 from the gateway itself
  {"error_msg":"404 Route Not Found"}
`)
})

it('does not claim an answer that a plugin may give before', async () => {
  const slow = await text('GET', '/slow')
  expect(slow).toContain('=> route slow, 503 from the gateway, unless a plugin answers\n')
  expect(slow).toContain('access  ?  mocking  10900  routes/slow  delays the request, and may answer it then\n')
})

it('names the consumer', async () => {
  expect(await text('GET', '/secret/x', [['apikey', 'alice-key']])).toContain(
    'which they run; the caller is consumer alice\n',
  )
})

it('tells a request that is refused', async () => {
  expect(await text('GET', '/a\\b')).toBe(`\
GET /a\\b, from 127.0.0.1
  => refused with 400 Bad Request: the request target has a character that must be percent-encoded (TARGET)
`)
})

it('lets no control character out', async () => {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  expect(await text('GET', '/hello/%1b%5b2J')).not.toMatch(/[\0-\x09\x0b-\x1f]/)
})
