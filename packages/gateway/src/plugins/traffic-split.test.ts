import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEcho, type EchoUpstream } from '../testing/echo-upstream.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, rules: unknown, more: object = {}): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'traffic-split': rules === undefined ? {} : { rules } },
  ...more,
})

describe('traffic-split', () => {
  let next: EchoUpstream
  let third: EchoUpstream
  let gateway: TestGateway

  /** Which upstream a request met: 0 the route's own, 1 `next`, 2 `third`. */
  const meet = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
    const answer = await gateway.fetch(path, { headers: { ...headers, 'x-answer-headers': '{}' } })
    expect(answer.status).toBe(200)
    const { host } = (answer.json() as { headers: { host: string } }).headers
    return ['own', 'next.test', 'third.test'].indexOf(host)
  }
  const meetMany = async (path: string, count: number): Promise<number[]> => {
    const met = [0, 0, 0]
    for (let done = 0; done < count; done++) met[await meet(path)]++
    return met
  }

  const own = { nodes: {} as Record<string, number>, pass_host: 'rewrite', upstream_host: 'own' }
  const inline = { nodes: {} as Record<string, number>, pass_host: 'rewrite', upstream_host: 'third.test' }
  const documentOf = (routes: object[]): object => ({
    upstreams: [
      { id: 'own', ...own },
      { id: 'next', nodes: { [`127.0.0.1:${next.port}`]: 1 }, pass_host: 'rewrite', upstream_host: 'next.test' },
    ],
    services: [
      {
        id: 'split',
        upstream_id: 'own',
        plugins: { 'traffic-split': { rules: [{ weighted_upstreams: [{ upstream_id: 'next' }] }] } },
      },
    ],
    routes,
  })
  const to = { upstream_id: 'own' }

  beforeAll(async () => {
    next = await startEcho()
    third = await startEcho()
    own.nodes = { [`127.0.0.1:${third.port}`]: 1 }
    inline.nodes = { [`127.0.0.1:${third.port}`]: 1 }
    const canary = [['http_x_canary', '==', '1']]
    gateway = await startGateway(
      documentOf([
        route('/none', undefined, to),
        route(
          '/weights',
          [
            {
              weighted_upstreams: [{ upstream_id: 'next', weight: 3 }, { upstream: inline, weight: 2 }, { weight: 5 }],
            },
          ],
          to,
        ),
        route('/zero', [{ weighted_upstreams: [{ upstream_id: 'next', weight: 0 }, { weight: 1 }] }], to),
        route(
          '/match',
          [
            {
              match: [{ vars: canary }, { vars: [['arg_canary', '==', '1']] }],
              weighted_upstreams: [{ upstream_id: 'next' }],
            },
          ],
          to,
        ),
        route(
          '/first',
          [
            { match: [{ vars: canary }], weighted_upstreams: [{ upstream: inline }] },
            { match: [{ vars: [['http_x_canary', '~~', '.']] }], weighted_upstreams: [{ upstream_id: 'next' }] },
          ],
          to,
        ),
        route('/default', [{ match: [{ vars: canary }] }], to),
        route('/every', [{ match: [{}], weighted_upstreams: [{ upstream_id: 'next' }] }], to),
        { uri: '/service', service_id: 'split' },
        {
          uri: '/nowhere',
          plugins: {
            'traffic-split': { rules: [{ match: [{ vars: canary }], weighted_upstreams: [{ upstream_id: 'next' }] }] },
          },
        },
      ]),
    )
  })
  afterAll(async () => {
    await gateway.close()
    await next.close()
    await third.close()
  })

  it('gives each upstream its part', async () => {
    expect(await meetMany('/weights', 20)).toEqual([10, 6, 4])
    expect(await meetMany('/zero', 4)).toEqual([4, 0, 0])
    expect(await meetMany('/none', 2)).toEqual([2, 0, 0])
  })

  it('goes by the first rule that matches', async () => {
    expect(await meet('/match')).toBe(0)
    expect(await meet('/match', { 'x-canary': '1' })).toBe(1)
    expect(await meet('/match?canary=1')).toBe(1)
    expect(await meet('/first', { 'x-canary': '1' })).toBe(2)
    expect(await meet('/first', { 'x-canary': '2' })).toBe(1)
    expect(await meet('/first')).toBe(0)
    expect(await meet('/default', { 'x-canary': '1' })).toBe(0)
    expect(await meet('/every')).toBe(1)
  })

  it('works on services, and for routes without an upstream', async () => {
    expect(await meet('/service')).toBe(1)
    expect(await meet('/nowhere', { 'x-canary': '1' })).toBe(1)
    expect((await gateway.fetch('/nowhere')).status).toBe(503)
  })

  it('fails over within the upstream that was chosen', async () => {
    const nodes = [
      { host: '127.0.0.1', port: 1, weight: 1, priority: 1 },
      { host: '127.0.0.1', port: third.port, weight: 1, priority: 0 },
    ]
    await gateway.update(
      documentOf([route('/over', [{ weighted_upstreams: [{ upstream: { ...inline, nodes } }] }], to)]),
    )
    expect(await meetMany('/over', 4)).toEqual([0, 0, 4])
  })

  it.each([
    [[{ weighted_upstreams: [] }], 'weighted_upstreams'],
    [[{ weighted_upstreams: [{ weight: 0 }] }], 'all weights are 0'],
    [[{ weighted_upstreams: [{ upstream_id: 'away' }] }], 'upstream_id'],
    [[{ weighted_upstreams: [{ upstream_id: 'own', upstream: inline }] }], 'both'],
    [[{ weighted_upstreams: [{ upstream: {} }] }], 'upstream'],
    [[{ weighted_upstreams: [{ upstream: { nodes: { 'a:b': 1 } } }] }], 'a:b'],
    [[{ match: [{ vars: [['a', '=~', '1']] }] }], '/rules/0/match/0/vars'],
    [[{ matches: [] }], 'matches'],
    ['rule', 'rules'],
  ])('refuses %j', async (rules, message) => {
    await expect(gateway.update(documentOf([route('/x', rules)]))).rejects.toThrow(message)
  })
})
