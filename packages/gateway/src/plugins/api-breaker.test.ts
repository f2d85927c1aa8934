import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, config: object, more: object = {}): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'api-breaker': { break_response_code: 599, ...config }, ...more },
})

describe('api-breaker', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      upstreams: [{ id: 'away', nodes: { '127.0.0.1:1': 1 } }],
      routes: [
        route('/status/*', {}),
        route(
          '/plain/*',
          { unhealthy: { http_statuses: [503], failures: 1 } },
          { 'proxy-rewrite': { regex_uri: ['/plain/(.*)', '/status/$1'] } },
        ),
        route(
          '/hidden/*',
          { unhealthy: { failures: 1 } },
          {
            'proxy-rewrite': { regex_uri: ['/hidden/(.*)', '/status/$1'] },
            'response-rewrite': { status_code: 200 },
          },
        ),
        route(
          '/words/*',
          {
            unhealthy: { failures: 1 },
            break_response_body: 'no $uri',
            break_response_headers: [{ key: 'X-Why', value: 'broken $arg_x' }],
          },
          { 'proxy-rewrite': { regex_uri: ['/words/(.*)', '/status/$1'] } },
        ),
        { ...route('/away', { unhealthy: { http_statuses: [502], failures: 1 } }), upstream_id: 'away' },
      ],
    })
  })
  afterAll(() => gateway.close())

  const statuses = async (path: string, times: number): Promise<number[]> => {
    const seen: number[] = []
    for (let done = 0; done < times; done++) seen.push((await gateway.fetch(path)).status)
    return seen
  }

  it('opens after three failures, for that path', async () => {
    expect(await statuses('/status/500', 5)).toEqual([500, 500, 500, 599, 599])
    expect(await statuses('/status/200', 2)).toEqual([200, 200])
    expect(await statuses('/status/501', 5)).toEqual([501, 501, 501, 501, 501])
  })

  it('counts the statuses that it is told', async () => {
    expect(await statuses('/plain/503', 2)).toEqual([503, 599])
    expect(await statuses('/plain/500', 2)).toEqual([500, 500])
  })

  it('sees what the upstream answered, not what became of it, and an upstream that is away', async () => {
    // Its own answer is rewritten as well.
    expect(await statuses('/hidden/500', 2)).toEqual([200, 200])
    expect((await gateway.fetch('/hidden/500')).body).toBe('')
    expect(await statuses('/away', 2)).toEqual([502, 599])
  })

  it('answers in the words of the configuration', async () => {
    await gateway.fetch('/words/500')
    const answer = await gateway.fetch('/words/500?x=%0d%0aSet-Cookie:a')
    expect([answer.status, answer.body, answer.headers['x-why']]).toEqual([
      599,
      'no /words/500',
      'broken %0D%0ASet-Cookie:a',
    ])
  })

  it.each([
    [{ break_response_code: 100 }, 'break_response_code'],
    [{ unhealthy: { http_statuses: [404] } }, 'unhealthy/http_statuses/0'],
    [{ healthy: { http_statuses: [] } }, 'healthy/http_statuses'],
    [{ max_breaker_sec: 2 }, 'max_breaker_sec'],
    [{ break_response_headers: [{ key: 'a', value: 'b' }] }, 'break_response_body'],
    [{ break_response_body: '', break_response_headers: [{ key: 'a b', value: 'b' }] }, 'break_response_headers/0/key'],
    [
      { break_response_body: '', break_response_headers: [{ key: 'Content-Length', value: '3' }] },
      'break_response_headers/0/key',
    ],
    [{ other: 1 }, 'other'],
  ])('refuses %j', async (config, message) => {
    await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(message)
  })
})
