import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import opa from './opa.ts'
import { AskedService } from './testing/asked-service.ts'
import { problemsOf } from './testing/mounted.ts'

let agent: AskedService
let gateway: TestGateway

const say = (document: unknown, status = 200): void => {
  agent.answer = (_asked, response) =>
    response.writeHead(status).end(typeof document === 'string' ? document : JSON.stringify(document))
}
const input = (): Record<string, unknown> => (JSON.parse(agent.last.body) as { input: Record<string, unknown> }).input

const update = (config: object = {}): Promise<void> =>
  gateway.update({
    consumers: [
      {
        username: 'jack',
        labels: { team: 'a' },
        plugins: { 'key-auth': { key: 'k3y' }, 'limit-count': { count: 100, time_window: 60, key: 'remote_addr' } },
      },
    ],
    services: [
      {
        id: 's',
        name: 'shop',
        upstream_id: 'echo',
        plugins: { 'proxy-rewrite': { headers: { set: { Token: 's3cret' } } }, csrf: { key: 's3cret' } },
      },
    ],
    routes: [
      {
        id: 'one',
        name: 'orders',
        uri: '/*',
        methods: ['GET', 'POST'],
        service_id: 's',
        plugins: { 'key-auth': {}, opa: { host: agent.url, policy: 'a/b', ...config } },
      },
    ],
  })
const get = (path = '/', headers: Record<string, string | string[]> = {}) =>
  gateway.fetch(path, { headers: { apikey: 'k3y', ...headers } })

beforeAll(async () => {
  agent = await AskedService.start()
  gateway = await startGateway({})
})
beforeEach(() => {
  agent.asked.length = 0
  say({ result: { allow: true } })
})
afterAll(async () => {
  await gateway.close()
  await agent.close()
})

describe('the input', () => {
  it('is that of APISIX', async () => {
    await update()
    const headers = { 'X-Twice': ['1', '2'], Host: 'shop.example:99', 'X-Own': 'a' }
    expect((await get('/x%20y?a=1&b=2&b=3&c&d=&__proto__=p', headers)).status).toBe(200)
    expect(agent.last).toMatchObject({ method: 'POST', url: '/v1/data/a/b' })
    expect(agent.last.headers).toMatchObject({ 'content-type': 'application/json' })
    const {
      request,
      var: variables,
      ...rest
    } = input() as { request: Record<string, unknown>; var: Record<string, unknown> }
    expect(rest).toEqual({ type: 'http' })
    expect(request).toMatchObject({ scheme: 'http', method: 'GET', host: 'shop.example', port: 99, path: '/x y' })
    expect(Object.entries(request['query'] as object)).toEqual([
      ['a', '1'],
      ['b', ['2', '3']],
      ['c', true],
      ['d', ''],
      ['__proto__', 'p'],
    ])
    expect(request['headers']).toMatchObject({ 'x-own': 'a', 'x-twice': ['1', '2'], host: 'shop.example:99' })
    expect(variables).toMatchObject({
      server_addr: '127.0.0.1',
      server_port: String(gateway.port),
      remote_addr: '127.0.0.1',
    })
    expect(variables['remote_port']).toMatch(/^\d+$/)
    expect(Math.abs((variables['timestamp'] as number) - Date.now() / 1_000)).toBeLessThan(5)
  })

  it('has route, service and consumer where that is asked for, without secrets', async () => {
    await update({ with_route: true, with_service: true, with_consumer: true })
    await get()
    expect(input()).toMatchObject({
      route: {
        id: 'one',
        name: 'orders',
        uri: '/*',
        methods: ['GET', 'POST'],
        service_id: 's',
        status: 1,
        plugins: { opa: { policy: 'a/b' } },
      },
      service: { id: 's', name: 'shop' },
      consumer: {
        username: 'jack',
        consumer_name: 'jack',
        labels: { team: 'a' },
        plugins: { 'key-auth': {}, 'limit-count': { count: 100 } },
      },
    })
    expect(input()['service']).not.toHaveProperty('upstream')
    const { request: _, ...configured } = input()
    expect(JSON.stringify(configured)).not.toMatch(/k3y|s3cret/)
  })
})

describe('a decision', () => {
  it('to allow lets the request on, with the fields that are named and that a client cannot send', async () => {
    await update({ send_headers_upstream: ['X-Role', 'X-None', 'x-bad'] })
    say({ result: { allow: true, headers: { 'x-role': 'reader', 'X-Other': '1', 'X-Bad': 'a\nb' } } })
    const answer = await get('/', { 'X-Role': 'owner', 'X-None': 'x', 'X-Bad': 'x' })
    const { headers } = answer.json() as { headers: object }
    expect(headers).toMatchObject({ 'x-role': 'reader' })
    for (const name of ['x-none', 'x-other', 'x-bad']) expect(headers).not.toHaveProperty(name)
    expect((input()['request'] as { headers: object }).headers).toMatchObject({ 'x-role': 'owner' })
  })

  it.each([
    [{ allow: false }, 403, ''],
    [{}, 403, ''],
    [{ allow: 'false' }, 403, ''],
    [{ allow: 1 }, 403, ''],
    [{ allow: false, reason: 'no' }, 403, 'no'],
    [{ allow: false, reason: { code: 7 }, status_code: 409 }, 409, '{"code":7}'],
    [{ allow: false, status_code: 9_999 }, 403, ''],
    [{ allow: false, status_code: '200' }, 403, ''],
  ])('%j refuses', async (result, status, body) => {
    await update()
    say({ result })
    const answer = await get()
    expect([answer.status, answer.body.trim()]).toEqual([status, body])
  })

  it('to refuse may bring fields, without those of the framing', async () => {
    await update()
    say({ result: { allow: false, headers: { Location: '/in', 'Content-Length': '9', 'X-N': 7, 'X-Bad': 'a\r\nb' } } })
    const answer = await get()
    expect(answer.headers).toMatchObject({ location: '/in', 'x-n': '7', 'content-length': '0' })
    expect(answer.headers).not.toHaveProperty('x-bad')
  })

  it.each<[unknown, number]>([
    ['', 200],
    ['{', 200],
    ['null', 200],
    [{}, 200],
    [{ result: true }, 200],
    [{ result: [true] }, 200],
    [{ result: { allow: true } }, 500],
  ])('that is none, %j (%i), is a 503', async (document, status) => {
    await update()
    say(document, status)
    expect((await get()).status).toBe(503)
  })

  it('that does not come is a 403', async () => {
    await update({ timeout: 100 })
    agent.answer = () => undefined
    expect((await get()).status).toBe(403)
    await update({ host: 'http://127.0.0.1:1' })
    expect((await get()).status).toBe(403)
  })
})

it.each([
  [{ host: 'http://a' }, '"policy" is missing'],
  [{ policy: 'a' }, '"host" is missing'],
  [{ host: 'localhost:8181', policy: 'a' }, '/host: must begin with'],
  [{ host: 'http://a', policy: 'a?b' }, '/policy: may hold'],
  [{ host: 'http://a', policy: 'a', send_headers_upstream: ['Host'] }, '/send_headers_upstream/0'],
  [{ host: 'http://a', policy: 'a', send_headers_upstream: [] }, '/send_headers_upstream'],
])('%j is refused', (config, problem) => {
  expect(problemsOf(opa, config).join()).toContain(problem)
})
