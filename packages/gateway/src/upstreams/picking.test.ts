import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEcho, type EchoUpstream } from '../testing/echo-upstream.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

let echoes: EchoUpstream[] = []
let gateway: TestGateway
beforeAll(async () => {
  echoes = await Promise.all(Array.from({ length: 4 }, () => startEcho()))
  const nodes = (metadata: object[], rest: object[] = []) =>
    metadata.map((data, at) => ({ host: '127.0.0.1', port: echoes[at].port, weight: 1, metadata: data, ...rest[at] }))
  const versions = nodes([{ version: 'stable' }, { version: 'stable' }, { version: 'canary' }])
  const zones = nodes([{ zone: 'a' }, { zone: 'b' }, { zone: 'b' }, {}])
  const upstreams = [
    { id: 'header', nodes: versions, subset: subset('$http_x_version') },
    { id: 'strict', nodes: versions, subset: { labels: { version: '$arg_v' }, fallback: 'none' } },
    { id: 'label', nodes: versions, subset: subset('$route_label_version') },
    { id: 'one', nodes: versions.slice(2), subset: { labels: { version: '$arg_v' }, fallback: 'none' } },
    { id: 'zone', nodes: zones, zone_aware: true },
    { id: 'zoneless', nodes: zones },
    { id: 'peak', nodes: versions, type: 'peak_ewma' },
    { id: 'bounded', nodes: versions, type: 'chash', key: 'http_x_user', hash_balance_factor: 125 },
  ]
  gateway = await startGateway({
    zone: 'b',
    upstreams,
    routes: upstreams.map(({ id }) => ({
      id,
      uri: `/${id}`,
      upstream_id: id,
      labels: id === 'label' ? { version: 'canary' } : {},
      plugins: { 'response-rewrite': { headers: { set: { 'x-node': '$balancer_port' } } } },
    })),
  })
})
afterAll(async () => {
  await gateway.close()
  for (const echo of echoes) await echo.close()
})

const subset = (version: string) => ({ labels: { version }, fallback: 'default', default: { version: 'stable' } })

/** The indexes of the nodes that answered 12 requests, each once; or the status. */
async function answering(path: string, headers: Record<string, string> = {}): Promise<string> {
  const found = new Set<string>()
  for (let request = 0; request < 12; request++) {
    const answer = await gateway.fetch(path, { headers })
    const at = echoes.findIndex(({ port }) => String(port) === answer.headers['x-node'])
    found.add(answer.status === 200 ? String(at) : String(answer.status))
  }
  return [...found].toSorted().join('')
}

test('subsets by a header, an argument and the label of the route', async () => {
  expect(await answering('/header')).toBe('01')
  expect(await answering('/header', { 'x-version': 'canary' })).toBe('2')
  expect(await answering('/header', { 'x-version': 'none' })).toBe('01')
  expect(await answering('/strict?v=canary')).toBe('2')
  expect(await answering('/strict?v=other')).toBe('503')
  expect(await answering('/strict')).toBe('503')
  expect(await answering('/label')).toBe('2')
  expect(await answering('/one?v=stable')).toBe('503')
  expect(await answering('/one?v=canary')).toBe('2')
})

test('nodes in our own zone are preferred where that is asked for', async () => {
  expect(await answering('/zone')).toBe('12')
  expect(await answering('/zoneless')).toBe('0123')
})

test('peak EWMA and bounded hash pick nodes, and count what is in flight', async () => {
  expect((await answering('/peak')).length).toBeGreaterThan(0)
  expect((await answering('/bounded', { 'x-user': 'ann' })).length).toBe(1)
})
