import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Slab, WorkerMetrics, type SeriesBatch } from '../observability/metrics/index.ts'
import type { Plan } from '../plan/plan.ts'
import type { GatewaySession } from '../session.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import prometheus from './prometheus.ts'

describe('over sockets', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({})
  })
  afterAll(() => gateway.close())

  /**
   * Lines of a metric. Requests are counted in the turn in which they are answered, new series announced at its end.
   */
  async function lines(start: string): Promise<string[]> {
    return (await Promise.resolve(gateway.metrics.render())).split('\n').filter((line) => line.startsWith(start))
  }
  const node = (): string => `127.0.0.1:${gateway.echo.port}`

  it('counts responses, latency and bytes by route, service, consumer and node', async () => {
    await gateway.update({
      consumers: [{ username: 'jack', plugins: { 'key-auth': { key: 'k' } } }],
      services: [{ id: 's1', name: 'shop', upstream_id: 'echo', hosts: ['a.com'] }],
      routes: [
        {
          id: 'r1',
          name: 'orders',
          uris: ['/orders/*', '/o/*'],
          service_id: 's1',
          plugins: { prometheus: {}, 'key-auth': {}, 'proxy-rewrite': { regex_uri: ['^/o/', '/'] } },
        },
      ],
    })
    const options = { host: 'a.com', headers: { apikey: 'k' } }
    await gateway.fetch('/o/x', options)
    await gateway.fetch('/o/status/404', options)
    await gateway.fetch('/o/status/404', options)
    await gateway.fetch('/o/x', { host: 'a.com' })
    expect((await lines('sekisho_http_status{')).sort()).toEqual([
      `sekisho_http_status{code="200",route="r1",matched_uri="/orders/*",matched_host="a.com",service="s1",consumer="jack",node="${node()}"} 1`,
      `sekisho_http_status{code="401",route="r1",matched_uri="/orders/*",matched_host="a.com",service="s1",consumer="",node=""} 1`,
      `sekisho_http_status{code="404",route="r1",matched_uri="/orders/*",matched_host="a.com",service="s1",consumer="jack",node="${node()}"} 2`,
    ])
    const labels = (consumer: string, peer: string): string =>
      `route="r1",service="s1",consumer="${consumer}",node="${peer}"`
    const counts = await lines('sekisho_http_latency_count')
    for (const type of ['request', 'upstream', 'gateway']) {
      expect(counts).toContain(`sekisho_http_latency_count{type="${type}",${labels('jack', node())}} 3`)
    }
    expect(counts).toContain(`sekisho_http_latency_count{type="gateway",${labels('', '')}} 1`)
    const bandwidth = await lines('sekisho_bandwidth')
    const bytes = bandwidth.map((line) => Number(line.slice(line.lastIndexOf(' '))))
    expect(bandwidth).toHaveLength(4)
    for (const value of bytes) expect(value).toBeGreaterThan(50)
  })

  it('writes names where it is told to and there are some', async () => {
    await gateway.update({
      services: [{ id: 's2', name: 'shop', upstream_id: 'echo' }],
      routes: [
        {
          id: 'r2',
          name: 'orders',
          uri: '/a',
          host: 'b.com',
          service_id: 's2',
          plugins: { prometheus: { prefer_name: true } },
        },
        { id: 'r3', uri: '/b', upstream_id: 'echo', plugins: { prometheus: { prefer_name: true } } },
      ],
    })
    await gateway.fetch('/a', { host: 'b.com' })
    await gateway.fetch('/b')
    const text = (await lines('sekisho_http_status{')).join('\n')
    expect(text).toContain('route="orders",matched_uri="/a",matched_host="b.com",service="shop"')
    expect(text).toContain('route="r3",matched_uri="/b",matched_host="",service=""')
  })

  it('in a global rule counts every request once, also those without a route', async () => {
    await gateway.update({
      global_rules: [{ id: 'g', plugins: { prometheus: {} } }],
      routes: [
        { id: 'r4', uri: '/own', upstream_id: 'echo', plugins: { prometheus: {} } },
        { id: 'r5', uri: '/other', upstream_id: 'echo' },
      ],
    })
    await gateway.fetch('/own')
    await gateway.fetch('/other')
    await gateway.fetch('/nowhere')
    const all = await lines('sekisho_http_status{')
    const ending = (route: string): (string | undefined)[] =>
      all.filter((line) => line.includes(`route="${route}"`)).map((line) => line.split(' ').at(-1))
    expect([ending('r4'), ending('r5'), ending('')]).toEqual([['1'], ['1'], ['1']])
    expect(all).toContainEqual(expect.stringContaining('code="404",route="",matched_uri="",matched_host="",service=""'))
  })

  it('refuses other fields', async () => {
    await expect(
      gateway.update({ global_rules: [{ id: 'g', plugins: { prometheus: { prefer_names: true } } }] }),
    ).rejects.toThrow('did you mean "prefer_name"?')
  })
})

describe('without sockets', () => {
  function setup() {
    const announced: string[] = []
    const metrics = new WorkerMetrics(Slab.createBuffer(65_536), (batch: SeriesBatch) => {
      for (const series of batch.added) announced.push(`${series.metric} ${series.labels.join()}`)
    })
    const hooks = prometheus.create({ prefer_name: true }, { metrics } as Parameters<typeof prometheus.create>[1])
    return {
      hooks,
      statuses: (): string[] => {
        metrics.flush()
        return announced.splice(0).filter((line) => line.startsWith('sekisho_http_status'))
      },
    }
  }
  const planOf = (route: object): Plan => ({ route: { id: 'r', uris: ['/a'], hosts: [], ...route } }) as unknown as Plan
  const request = (plan: Plan | undefined, more: object = {}): GatewaySession =>
    ({
      ctx: { plan, consumer: undefined },
      response: { status: 200 },
      startedAt: 1,
      sentAt: 0,
      finishedAt: 2,
      bytesReceived: 1,
      bytesSent: 1,
      ...more,
    }) as unknown as GatewaySession

  it('follows a route that is changed while the plugin stays', () => {
    const { hooks, statuses } = setup()
    const before = planOf({ name: 'old' })
    hooks.log?.(request(before))
    expect(statuses()).toEqual(['sekisho_http_status 200,old,/a,,,,'])
    hooks.log?.(request(planOf({ name: 'new', uris: ['/b'] })))
    expect(statuses()).toEqual(['sekisho_http_status 200,new,/b,,,,'])
    // One that was in flight counts for the old route, whose series are there, but makes no new ones.
    hooks.log?.(request(before))
    hooks.log?.(request(before, { peer: { name: 'n:1' } }))
    expect(statuses()).toEqual([])
  })

  it('makes no series after it was disposed of, and counts on in those it has', () => {
    const { hooks, statuses } = setup()
    const plan = planOf({})
    hooks.log?.(request(plan))
    statuses()
    hooks.dispose?.()
    hooks.log?.(request(plan))
    hooks.log?.(request(plan, { ctx: { plan, consumer: { username: 'jack' } } }))
    expect(statuses()).toEqual([])
  })

  it('writes status 0 where there was no response, and does nothing without a plan', () => {
    const { hooks, statuses } = setup()
    hooks.log?.(request(planOf({}), { response: undefined }))
    hooks.log?.(request(undefined))
    expect(statuses()).toEqual(['sekisho_http_status 0,r,/a,,,,'])
  })
})
