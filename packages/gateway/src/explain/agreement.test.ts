import { afterAll, beforeAll, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import type { EchoedRequest } from '../testing/echo-upstream.ts'
import { explainRequest } from './explain-request.ts'
import { readDocument } from './testing/read-document.ts'

/** What an explanation says is what a gateway does: each request goes both ways. */
const document = {
  consumers: [
    {
      username: 'alice',
      plugins: { 'key-auth': { key: 'alice-key' }, 'basic-auth': { username: 'alice', password: 'pw' } },
    },
  ],
  services: [{ id: 'shop', hosts: ['shop.example'], upstream_id: 'echo', plugins: { 'request-id': {} } }],
  routes: [
    { id: 'plain', uri: '/plain/*', upstream_id: 'echo' },
    { id: 'methods', uri: '/methods', methods: ['PUT', 'POST'], upstream_id: 'echo' },
    {
      id: 'vars',
      uri: '/vars',
      vars: [
        ['arg_v', '==', '2'],
        ['http_x_team', '~~', '^a'],
      ],
      upstream_id: 'echo',
    },
    { id: 'addr', uri: '/addr', remote_addrs: ['127.0.0.0/8'], upstream_id: 'echo' },
    { id: 'elsewhere', uri: '/elsewhere', remote_addrs: ['192.0.2.0/24'], upstream_id: 'echo' },
    { id: 'shop', uri: '/*', service_id: 'shop' },
    { id: 'key', uri: '/key', upstream_id: 'echo', plugins: { 'key-auth': { hide_credentials: true } } },
    { id: 'basic', uri: '/basic', upstream_id: 'echo', plugins: { 'basic-auth': {} } },
    { id: 'ip', uri: '/ip', upstream_id: 'echo', plugins: { 'ip-restriction': { blacklist: ['127.0.0.1'] } } },
    { id: 'agent', uri: '/agent', upstream_id: 'echo', plugins: { 'ua-restriction': { denylist: ['bot'] } } },
    {
      id: 'rewrite',
      uri: '/rewrite/*',
      upstream_id: 'echo',
      plugins: {
        'proxy-rewrite': {
          regex_uri: ['^/rewrite/(.*)', '/new/$1'],
          method: 'PUT',
          host: 'inner',
          headers: { add: { 'x-add': '$arg_a' } },
        },
      },
    },
    { id: 'redirect', uri: '/redirect', plugins: { redirect: { uri: '/elsewhere', ret_code: 308 } } },
    {
      id: 'mock',
      uri: '/mock',
      plugins: { mocking: { response_example: 'mocked', content_type: 'text/plain', response_status: 203 } },
    },
    { id: 'nowhere', uri: '/nowhere', plugins: { 'request-id': {} } },
  ],
}

const requests: readonly [method: string, path: string, headers: Record<string, string>][] = [
  ['GET', '/plain/a?b=c', {}],
  ['GET', '/plain/%41/./b/../c', { Cookie: 'a=b', 'X-Forwarded-For': '192.0.2.1' }],
  ['GET', '/missing', {}],
  ['GET', '/methods', {}],
  ['POST', '/methods', {}],
  ['GET', '/vars?v=2', { 'X-Team': 'alpha' }],
  ['GET', '/vars?v=3', { 'X-Team': 'alpha' }],
  ['GET', '/addr', {}],
  ['GET', '/elsewhere', {}],
  ['GET', '/anything', { Host: 'shop.example' }],
  ['GET', '/anything', { Host: 'SHOP.example:99' }],
  ['GET', '/key', {}],
  ['GET', '/key', { apikey: 'alice-key' }],
  ['GET', '/key?apikey=alice-key&x=1', {}],
  ['GET', '/key', { apikey: 'wrong' }],
  ['GET', '/basic', {}],
  ['GET', '/basic', { Authorization: `Basic ${Buffer.from('alice:pw').toString('base64')}` }],
  ['GET', '/ip', {}],
  ['GET', '/agent', { 'User-Agent': 'a bot' }],
  ['GET', '/agent', { 'User-Agent': 'a browser' }],
  ['GET', '/rewrite/x/y?a=1', {}],
  ['GET', '/redirect?x=1', {}],
  ['GET', '/mock', {}],
  ['GET', '/nowhere', {}],
  ['GET', '/%zz', {}],
  ['GET', '/../x', {}],
]

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway(document)
})
afterAll(() => gateway.close())

it.each(requests)('%s %s %o', async (method, path, headers) => {
  const read = await readDocument({
    ...document,
    upstreams: [{ id: 'echo', nodes: { [`127.0.0.1:${gateway.echo.port}`]: 1 } }],
  })
  const url = `http://127.0.0.1:${gateway.port}${path}`
  const explanation = await explainRequest({ method, url, headers: Object.entries(headers) }, read)
  const before = gateway.echo.requests.length
  const { status, body } = await gateway.fetch(path, { method, headers })
  const arrived = gateway.echo.requests[before] as EchoedRequest | undefined

  const answered = explanation.refused ?? explanation.answer
  expect(answered === undefined).toBe(arrived !== undefined)
  if (answered !== undefined) expect(status).toBe(answered.status)
  if (explanation.answer !== undefined) expect(body.trim()).toBe(explanation.answer.body)
  if (arrived === undefined) return
  const { request } = explanation.upstream!
  expect(request).toMatchObject({ method: arrived.method, target: arrived.url, host: arrived.headers.host })
  for (const { name, value } of request!.changes) {
    // Its value is random.
    if (name.toLowerCase() === 'x-request-id') expect(arrived.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    else expect(arrived.headers[name.toLowerCase()]).toBe(value)
  }
})
