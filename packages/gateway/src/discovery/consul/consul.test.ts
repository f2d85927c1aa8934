import { mkdtempSync, rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ascending, startDiscovering, startNode, type DiscoveringGateway } from '../testing/discovering-gateway.ts'
import { RecordingListener } from '../testing/recording-listener.ts'
import { json, RegistryServer, type SeenRequest } from '../testing/registry-server.ts'
import { ConsulKvSource } from './consul-kv-source.ts'
import { ConsulSource } from './consul-source.ts'

/** As an agent: a query with the present index waits for the next. */
class Consul {
  readonly server = new RegistryServer((request, response) => this.serve(request, response))
  index = 10
  nodes: object[] = []
  broken: ((response: ServerResponse) => void) | undefined
  private held: { readonly index: number; readonly response: ServerResponse }[] = []

  set(nodes: readonly number[], index = this.index + 1): void {
    this.nodes = nodes.map((port) => entry('127.0.0.1', port))
    this.index = index
    for (const { response } of this.held.splice(0)) this.answer(response)
  }

  private serve(request: SeenRequest, response: ServerResponse): void {
    if (this.broken !== undefined) return this.broken(response)
    const asked = Number(request.url.searchParams.get('index') ?? 0)
    if (asked === this.index) this.held.push({ index: asked, response })
    else this.answer(response)
  }

  private answer(response: ServerResponse): void {
    json(response, this.nodes, { 'x-consul-index': String(this.index) })
  }
}

const entry = (address: string, port: number, service: object = {}): object => ({
  Node: { Address: '10.9.9.9', Datacenter: 'dc1' },
  Service: { Address: address, Port: port, Weights: { Passing: 3, Warning: 1 }, Meta: { zone: 'a' }, ...service },
  Checks: [{ Status: 'passing' }],
})

let consul: Consul
let closing: (() => void | Promise<void>)[]
beforeEach(async () => {
  consul = new Consul()
  closing = []
  await consul.server.start()
})
afterEach(async () => {
  for (const close of closing.toReversed()) await close()
  await consul.server.stop()
})

function source(settings: object = {}): ConsulSource {
  const made = new ConsulSource({ servers: [consul.server.url], ...settings })
  closing.push(() => made.close())
  return made
}

function watch(made: ConsulSource, service = 'shop', args = {}): RecordingListener {
  const listener = new RecordingListener()
  closing.push(made.watch(service, args, listener))
  return listener
}

it('asks for passing instances with token, datacenter, tags and namespace, then waits by the index', async () => {
  consul.set([8080])
  const args = { datacenter: 'dc2', tags: ['a', 'b c'], namespace_id: 'team' }
  const listener = watch(source({ token: 'secret', stale: true, timeout: { wait: 7 } }), 'my shop', args)
  await listener.until(({ answers }) => answers.length === 1)
  expect(listener.answers[0]).toEqual([{ host: '127.0.0.1', port: 8080, weight: 3, metadata: { zone: 'a' } }])
  const { url, headers, method } = consul.server.requests[0]
  expect([method, url.pathname, headers['x-consul-token']]).toEqual(['GET', '/v1/health/service/my%20shop', 'secret'])
  const common = [
    ['passing', '1'],
    ['dc', 'dc2'],
    ['ns', 'team'],
    ['tag', 'a'],
    ['tag', 'b c'],
    ['stale', ''],
  ]
  expect([...url.searchParams]).toEqual(common)
  const second = await consul.server.asked(({ url: { searchParams } }) => searchParams.has('index'))
  expect([...second.url.searchParams]).toEqual([...common, ['index', '11'], ['wait', '7s']])
})

it('takes the address of the agent where the instance has none, and the weight of the settings where one is written', async () => {
  consul.nodes = [entry('', 80), entry('10.0.0.1', 0), entry('::1', 81)]
  const listener = watch(source({ weight: 5 }))
  await listener.until(({ answers }) => answers.length === 1)
  expect(listener.answers[0].map(({ host, port, weight }) => [host, port, weight])).toEqual([
    ['10.9.9.9', 80, 5],
    ['10.0.0.1', undefined, 5],
    ['::1', 81, 5],
  ])
})

it('begins anew when the index goes back, as after a restored cluster', async () => {
  consul.set([1], 500)
  const listener = watch(source())
  await listener.until(({ last }) => last.join() === '127.0.0.1:1')
  await consul.server.asked(({ url }) => url.searchParams.get('index') === '500')
  // A restart: the query that waits is answered with a lower index.
  consul.set([2], 3)
  await listener.until(({ last }) => last.join() === '127.0.0.1:2')
  await consul.server.asked(({ url }) => url.searchParams.get('index') === '3')
  const order = consul.server.requests.map(({ url }) => url.searchParams.get('index') ?? '-')
  expect(order).toEqual(['-', '500', '-', '3'])
})

it('tells failures, keeps asking, and asks the next server of the list', async () => {
  consul.set([1])
  const dead = 'http://127.0.0.1:1'
  const made = source({ servers: [dead, consul.server.url] })
  const listener = watch(made)
  await listener.until(({ answers }) => answers.length === 1)
  expect(listener.errors).toEqual([`${dead} refuses connections`])
  const failures: [(response: ServerResponse) => void, RegExp][] = [
    [(response) => response.writeHead(500).end('rpc error: no leader\nsecret'), /status 500: rpc error: no leader$/],
    [(response) => response.writeHead(200).end('[{"Node":'), /not JSON/],
    [(response) => json(response, { error: 1 }), /another form/],
    [
      (response) => response.writeHead(200, { 'content-length': '100' }).write('[') && response.destroy(),
      /closes the connection|aborted/,
    ],
    [(response) => response.writeHead(302, { location: 'http://127.0.0.1:2/' }).end(), /status 302/],
  ]
  for (const [broken, message] of failures) {
    const { errors } = listener
    const before = errors.length
    consul.broken = broken
    consul.set([1])
    await listener.until(() => errors.slice(before).some((text) => message.test(text)))
    consul.broken = undefined
    const answers = listener.answers.length
    await listener.until((now) => now.answers.length > answers)
  }
}, 30_000)

it('says so when an agent does not answer in time', async () => {
  consul.broken = () => undefined
  const listener = watch(source({ timeout: { connect: 20, read: 30 } }))
  await listener.until(({ errors }) => errors.length > 0)
  expect(listener.errors[0]).toBe(`${consul.server.url} does not answer within 0.05 s`)
})

it('has a node that stands in for none, and services that may not be asked for', async () => {
  const made = source({
    default_service: { host: '10.0.0.9', port: 90, metadata: { weight: 2 } },
    skip_services: ['consul'],
  })
  const listener = watch(made)
  await listener.until(({ answers }) => answers.length === 1)
  expect(listener.answers[0]).toEqual([{ host: '10.0.0.9', port: 90, weight: 2 }])
  expect(() => watch(made, 'consul')).toThrow('skip_services')
})

it('reads nodes from the key-value store, by folder or by the URL of it, and sends the token to its servers alone', async () => {
  const value = (text: string): string => Buffer.from(text).toString('base64')
  consul.nodes = [
    { Key: 'upstreams/webpages/', Value: null },
    { Key: 'upstreams/webpages/10.0.0.1:80', Value: value('{"weight": 3, "max_fails": 2}') },
    { Key: 'upstreams/webpages/10.0.0.2:80', Value: null },
    { Key: 'upstreams/webpages/[::1]:80', Value: value('nonsense') },
  ]
  const made = new ConsulKvSource({ servers: [consul.server.url], token: 't' })
  closing.push(() => made.close())
  for (const name of ['webpages', `${consul.server.url}/v1/kv/upstreams/webpages/`]) {
    const listener = new RecordingListener()
    closing.push(made.watch(name, {}, listener))
    await listener.until(({ answers }) => answers.length === 1)
    expect(listener.answers[0].map(({ host, port, weight }) => [host, port, weight])).toEqual([
      ['10.0.0.1', 80, 3],
      ['10.0.0.2', 80, 1],
      ['::1', 80, 1],
    ])
  }
  const [{ url, headers }] = consul.server.requests
  expect([url.pathname, url.search, headers['x-consul-token']]).toEqual([
    '/v1/kv/upstreams/webpages/',
    '?recurse=true',
    't',
  ])
  expect(() => made.watch('http://evil:8500/v1/kv/x/', {}, new RecordingListener())).toThrow('not among the "servers"')
  consul.broken = (response) => response.writeHead(404, { 'x-consul-index': '5' }).end()
  const none = new RecordingListener()
  closing.push(made.watch('nothing', {}, none))
  await none.until(({ answers }) => answers.length === 1)
  expect(none.answers).toEqual([[]])
})

it('takes nodes in and out of a gateway that serves, goes on while Consul is away, and starts without it from the disk', async () => {
  const nodes = [await startNode(), await startNode(), await startNode()]
  closing.push(...nodes.map(({ close }) => close))
  const [a, b, c] = nodes.map(({ port }) => port)
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-consul-'))
  closing.push(() => rmSync(folder, { recursive: true }))
  const start = async (): Promise<DiscoveringGateway> => {
    const upstream = { type: 'roundrobin', service_name: 'shop', discovery_type: 'consul' }
    const more = { lastGood: join(folder, 'last.json') }
    const made = await startDiscovering({ consul: { servers: [consul.server.url] } }, upstream, more)
    closing.push(() => made.close().catch(() => undefined))
    return made
  }
  consul.set([a, b])
  const gateway = await start()
  expect(await gateway.ports()).toEqual([a, b].toSorted(ascending))
  consul.set([a, b, c])
  await gateway.meets(a, b, c)
  consul.set([b, c])
  await gateway.meets(b, c)
  await consul.server.stop()
  await gateway.meets(b, c)
  expect(gateway.discovery.dump('consul').services).toMatchObject({
    shop: [{ port: Math.min(b, c) }, { port: Math.max(b, c) }],
  })
  await gateway.close()

  const again = await start()
  expect(await again.ports()).toEqual([b, c].toSorted(ascending))
  await consul.server.start()
  consul.set([a], 1)
  await again.meets(a)
  expect(again.gateway.metrics.render()).toMatch(
    /sekisho_discovery_errors_total\{type="consul",service_name="shop"\} [1-9]/,
  )
}, 30_000)
