import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startDiscovering, startNode } from '../testing/discovering-gateway.ts'
import { RecordingListener } from '../testing/recording-listener.ts'
import { json, RegistryServer, type SeenRequest } from '../testing/registry-server.ts'
import { NacosSource } from './nacos-source.ts'

/** As Nacos with authentication: tokens by `auth/login`, 403 for others. */
class Nacos {
  readonly server = new RegistryServer((request, response) => this.serve(request, response))
  hosts: object[] = []
  password = 'p:w'
  token = 'token-1'
  ttl = 18_000
  broken: ((response: ServerResponse) => void) | undefined

  set(...ports: number[]): void {
    this.hosts = ports.map((port) => ({ ip: '127.0.0.1', port, weight: 1, healthy: true, enabled: true }))
  }

  private serve({ method, url, body, headers }: SeenRequest, response: ServerResponse): void {
    if (this.broken !== undefined) return this.broken(response)
    if (method === 'POST' && url.pathname === '/nacos/v1/auth/login') {
      const form = new URLSearchParams(body)
      const right =
        headers['content-type'] === 'application/x-www-form-urlencoded' &&
        form.get('username') === 'nacos' &&
        form.get('password') === this.password
      if (right) json(response, { accessToken: this.token, tokenTtl: this.ttl, globalAdmin: false })
      else response.writeHead(403).end('unknown user!')
      return
    }
    if (method !== 'GET' || url.pathname !== '/nacos/v1/ns/instance/list') return void response.writeHead(404).end()
    if (url.searchParams.get('accessToken') !== this.token) return void response.writeHead(403).end('token invalid!')
    json(response, { name: 'DEFAULT_GROUP@@shop', hosts: this.hosts })
  }
}

let nacos: Nacos
let closing: (() => void | Promise<void>)[]
beforeEach(async () => {
  nacos = new Nacos()
  closing = []
  await nacos.server.start()
})
afterEach(async () => {
  for (const close of closing.toReversed()) await close()
  await nacos.server.stop()
})

const host = (): string => `http://nacos:p%3Aw@127.0.0.1:${nacos.server.port}`

function watch(args = {}, settings = {}): RecordingListener {
  const source = new NacosSource({ host: [host()], fetch_interval: 1, ...settings })
  closing.push(() => source.close())
  const listener = new RecordingListener()
  closing.push(source.watch('shop', args, listener))
  return listener
}

it('logs in, asks for a group of a namespace, and takes healthy instances with their weights', async () => {
  nacos.hosts = [
    { ip: '10.0.0.1', port: 80, weight: 1, healthy: true, enabled: true, metadata: { zone: 'a' } },
    { ip: '10.0.0.2', port: 80, weight: 0.5, healthy: true, enabled: true },
    { ip: '10.0.0.3', port: 80, weight: 1, healthy: false, enabled: true },
    { ip: '10.0.0.4', port: 80, weight: 1, healthy: true, enabled: false },
    { ip: '10.0.0.5', port: 80, healthy: true },
  ]
  const listener = watch({ namespace_id: 'team', group_name: 'blue' }, { weight: 7 })
  await listener.until(({ answers }) => answers.length === 1)
  expect(listener.answers[0].map(({ host, weight, metadata }) => [host, weight, metadata])).toEqual([
    ['10.0.0.1', 100, { zone: 'a' }],
    ['10.0.0.2', 50, undefined],
    ['10.0.0.5', 700, undefined],
  ])
  const { url } = await nacos.server.asked(({ method }) => method === 'GET')
  expect(Object.fromEntries(url.searchParams)).toEqual({
    serviceName: 'shop',
    healthyOnly: 'true',
    namespaceId: 'team',
    groupName: 'blue',
    accessToken: 'token-1',
  })
})

it('logs in again when the token is refused or ends, and says so when it may not', async () => {
  nacos.set(1)
  const listener = watch()
  await listener.until(({ answers }) => answers.length === 1)
  nacos.token = 'token-2'
  await nacos.server.asked(({ url }) => url.searchParams.get('accessToken') === 'token-2')
  await listener.until(({ answers }) => answers.length === 2)
  expect(listener.errors).toEqual([])
  nacos.token = 'token-3'
  nacos.password = 'other'
  await listener.until(({ errors }) => errors.length > 0)
  expect(listener.errors[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+ answers with status 403: unknown user!$/)
})

it('tells failures and goes on', async () => {
  nacos.set(1)
  nacos.broken = (response) => response.writeHead(500).end('caused: no leader')
  const listener = watch({}, { host: ['http://127.0.0.1:1', host()] })
  await listener.until(({ errors }) => errors.length >= 2)
  expect(listener.errors.slice(0, 2).join('\n')).toMatch(/refuses connections\n.*status 500: caused: no leader/)
  nacos.broken = undefined
  await listener.until(({ answers }) => answers.length === 1)
})

it('takes nodes in and out of a gateway that serves, and goes on while Nacos is away', async () => {
  const nodes = [await startNode(), await startNode()]
  closing.push(...nodes.map(({ close }) => close))
  const [a, b] = nodes.map(({ port }) => port)
  nacos.set(a)
  const upstream = { service_name: 'shop', discovery_type: 'nacos', discovery_args: { group_name: 'blue' } }
  const gateway = await startDiscovering({ nacos: { host: [host()], fetch_interval: 1 } }, upstream)
  closing.push(() => gateway.close())
  expect(await gateway.ports()).toEqual([a])
  nacos.set(a, b)
  await gateway.meets(a, b)
  nacos.set(b)
  await gateway.meets(b)
  await nacos.server.stop()
  await expect.poll(() => gateway.lines.join('\n'), { timeout: 5_000 }).toContain('its last 1 node stay in use')
  expect(await gateway.ports()).toEqual([b])
}, 20_000)
