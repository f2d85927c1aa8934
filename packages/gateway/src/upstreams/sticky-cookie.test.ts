import { afterEach, expect, test } from 'vitest'
import { startEcho, type EchoUpstream } from '../testing/echo-upstream.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})

interface Started {
  readonly gateway: TestGateway
  readonly echoes: readonly EchoUpstream[]
  readonly update: (ports: readonly number[]) => Promise<void>
}

/** A gateway with an upstream of so many nodes, on `/*`. `balancer_port` says which one answered. */
async function start(count: number, upstream: object, more: object = {}): Promise<Started> {
  const echoes = await Promise.all(Array.from({ length: count }, () => startEcho()))
  const document = (ports: readonly number[]) => ({
    upstreams: [{ id: 'u', nodes: Object.fromEntries(ports.map((port) => [`127.0.0.1:${port}`, 1])), ...upstream }],
    routes: [
      {
        id: 'r',
        uri: '/*',
        upstream_id: 'u',
        plugins: { 'response-rewrite': { headers: { set: { 'x-node': '$balancer_port' } } } },
        ...more,
      },
    ],
  })
  const gateway = await startGateway(document(echoes.map(({ port }) => port)))
  open.push(gateway, ...echoes)
  return { gateway, echoes, update: (ports) => gateway.update(document(ports)) }
}

const sticky = { cookie: 'node', ttl: 60, same_site: 'lax' }

test('a client keeps its node, and is told of it once', async () => {
  const { gateway, echoes } = await start(3, { sticky })
  const first = await gateway.fetch('/')
  const cookie = first.headers['set-cookie']
  expect(cookie).toMatch(/^node=[\w-]{16}; Path=\/; Max-Age=60; HttpOnly; SameSite=Lax$/)
  for (const { port } of echoes) expect(cookie).not.toContain(String(port))
  const pair = cookie.split(';')[0]
  for (let request = 0; request < 6; request++) {
    const next = await gateway.fetch('/', { headers: { cookie: `a=b; ${pair}` } })
    expect(next.headers['x-node']).toBe(first.headers['x-node'])
    expect(next.headers['set-cookie']).toBeUndefined()
  }
  const others = new Set<string>()
  for (let request = 0; request < 3; request++) others.add((await gateway.fetch('/')).headers['x-node'])
  expect(others.size).toBe(3)
})

test('a client whose node is gone, or that makes one up, gets another and its name', async () => {
  const { gateway, echoes, update } = await start(3, { sticky })
  const first = await gateway.fetch('/')
  const headers = { cookie: first.headers['set-cookie'].split(';')[0] }
  const left = echoes.map(({ port }) => port).filter((port) => String(port) !== first.headers['x-node'])
  await update(left)
  const next = await gateway.fetch('/', { headers })
  expect(left).toContain(Number(next.headers['x-node']))
  expect(next.headers['set-cookie']).toMatch(/^node=/)
  expect(next.headers['set-cookie'].startsWith(headers.cookie)).toBe(false)
  const made = await gateway.fetch('/', { headers: { cookie: 'node=127.0.0.1:80' } })
  expect(made.status).toBe(200)
  expect(made.headers['set-cookie']).toMatch(/^node=/)
})

test('a node that cannot be reached is left for another, which the client then keeps', async () => {
  const { gateway, echoes } = await start(2, { sticky })
  const first = await gateway.fetch('/')
  const mine = echoes.find(({ port }) => String(port) === first.headers['x-node'])
  await mine?.close()
  open.splice(open.indexOf(mine as EchoUpstream), 1)
  const headers = { cookie: first.headers['set-cookie'].split(';')[0] }
  const next = await gateway.fetch('/', { headers })
  expect(next.status).toBe(200)
  expect(next.headers['x-node']).not.toBe(first.headers['x-node'])
  expect(next.headers['set-cookie']).toMatch(/^node=/)
})

test('other secrets make other names', async () => {
  const of = async (secret?: string): Promise<string> => {
    const { gateway, update, echoes } = await start(2, { sticky: { cookie: 'node', ...(secret && { secret }) } })
    await update([echoes[0].port, 1])
    const { headers } = await gateway.fetch('/', { headers: {} })
    return headers['set-cookie'] ?? (await gateway.fetch('/')).headers['set-cookie']
  }
  const [plain, keyed] = [await of(), await of('0123456789abcdef')]
  expect(plain).toMatch(/^node=/)
  expect(keyed).not.toBe(plain)
})

test('what has no meaning is refused, with what would', async () => {
  const refused = async (upstream: object): Promise<string> => {
    const { gateway } = await start(1, {})
    try {
      await gateway.update({ upstreams: [{ id: 'u', nodes: { '127.0.0.1:1': 1 }, ...upstream }] })
    } catch (err) {
      return String(err)
    }
    return ''
  }
  expect(await refused({ sticky: { cookie: 'a b' } })).toContain('sticky/cookie')
  expect(await refused({ sticky, scheme: 'tcp' })).toContain('there are no cookies')
  expect(await refused({ sticky, type: 'chash', key: 'uri' })).toContain('the key of a request decides')
  expect(await refused({ sticky: { cookie: 'a', same_site: 'none' } })).toContain('add "secure: true"')
  expect(await refused({ hash_balance_factor: 125 })).toContain('for the type "chash" only')
  expect(await refused({ zone_aware: true })).toContain('no node says in which zone')
  expect(await refused({ subset: { labels: { v: '$arg_v' } } })).toContain('no node has this in its metadata')
  const nodes = [{ host: '127.0.0.1', port: 1, weight: 1, metadata: { v: '1', zone: 'x' } }]
  const labels = { v: '$arg_v' }
  expect(await refused({ nodes, subset: { labels, fallback: 'default' } })).toContain('"default" is missing')
  expect(await refused({ nodes, subset: { labels, default: { v: '1' } } })).toContain('"fallback: default" only')
  expect(await refused({ nodes, subset: { labels, fallback: 'default', default: { w: '1' } } })).toContain('is none of')
  expect(await refused({ nodes, subset: { labels }, scheme: 'udp' })).toContain('"udp" has none')
  expect(await refused({ nodes, zone_aware: true, subset: { labels } })).toBe('')
  expect(await refused({ nodes, type: 'chash', key: 'http_x_user', hash_balance_factor: 125 })).toBe('')
  expect(await refused({ nodes, type: 'chash', key: 'no_such' })).toContain('is not a variable')
})
