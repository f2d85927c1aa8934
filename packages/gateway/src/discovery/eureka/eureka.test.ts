import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startDiscovering, startNode } from '../testing/discovering-gateway.ts'
import { RecordingListener } from '../testing/recording-listener.ts'
import { json, RegistryServer, type SeenRequest } from '../testing/registry-server.ts'
import { EurekaSource } from './eureka-source.ts'

const instance = (port: number, more: object = {}): object => ({
  app: 'SHOP',
  hostName: 'shop.internal',
  ipAddr: '127.0.0.1',
  status: 'UP',
  port: { $: port, '@enabled': 'true' },
  securePort: { $: 443, '@enabled': 'false' },
  metadata: { '@class': 'java.util.Collections$EmptyMap' },
  ...more,
})

let instances: object | undefined
let broken: ((response: ServerResponse) => void) | undefined
let server: RegistryServer
let closing: (() => void | Promise<void>)[]
beforeEach(async () => {
  closing = []
  broken = undefined
  server = new RegistryServer(({ url, headers, method }: SeenRequest, response) => {
    if (broken !== undefined) return broken(response)
    // Without this field Eureka answers XML.
    if (
      method !== 'GET' ||
      headers.accept !== 'application/json' ||
      url.pathname !== '/eureka/apps/SHOP' ||
      instances === undefined
    )
      return void response.writeHead(404).end()
    json(response, { application: { name: 'SHOP', instance: instances } })
  })
  await server.start()
})
afterEach(async () => {
  for (const close of closing.toReversed()) await close()
  await server.stop()
})

function watch(settings = {}): RecordingListener {
  const source = new EurekaSource({
    host: [`http://user:p%40ss@127.0.0.1:${server.port}`],
    fetch_interval: 1,
    ...settings,
  })
  closing.push(() => source.close())
  const listener = new RecordingListener()
  closing.push(source.watch('shop', {}, listener))
  return listener
}

it('takes instances that are UP, at the port that is enabled, with the weight of their metadata', async () => {
  instances = [
    instance(8080, { metadata: { weight: '3', zone: 'a' } }),
    instance(8081, { status: 'DOWN' }),
    instance(8082, { port: { $: 8082, '@enabled': 'false' }, securePort: { $: 8443, '@enabled': true } }),
    instance(8083, { ipAddr: undefined }),
  ]
  const listener = watch({ weight: 9 })
  await listener.until(({ answers }) => answers.length === 1)
  expect(listener.answers[0].map(({ host, port, weight }) => [host, port, weight])).toEqual([
    ['127.0.0.1', 8080, 3],
    ['127.0.0.1', 8443, 9],
    ['shop.internal', 8083, 9],
  ])
  expect(server.requests[0].headers.authorization).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`)
  instances = instance(1)
  await listener.until(({ last }) => last.join() === '127.0.0.1:1')
  instances = undefined
  await listener.until(({ last }) => last.length === 0)
  expect(listener.errors).toEqual([])
})

it('tells failures, and asks the next server', async () => {
  instances = [instance(1)]
  broken = (response) => json(response, { application: {} })
  const listener = watch({ host: ['http://127.0.0.1:1', server.url] })
  await listener.until(({ errors }) => errors.length >= 2)
  expect(listener.errors.join('\n')).toMatch(/refuses connections\n.*another form than Eureka's/)
  broken = undefined
  await listener.until(({ answers }) => answers.length === 1)
})

it('takes nodes in and out of a gateway that serves, and goes on while Eureka is away', async () => {
  const nodes = [await startNode(), await startNode()]
  closing.push(...nodes.map(({ close }) => close))
  const [a, b] = nodes.map(({ port }) => port)
  instances = [instance(a)]
  const gateway = await startDiscovering(
    { eureka: { host: [server.url], fetch_interval: 1 } },
    { service_name: 'shop', discovery_type: 'eureka' },
  )
  closing.push(() => gateway.close())
  expect(await gateway.ports()).toEqual([a])
  instances = [instance(a), instance(b)]
  await gateway.meets(a, b)
  instances = [instance(b)]
  await gateway.meets(b)
  await server.stop()
  await expect.poll(() => gateway.lines.join('\n'), { timeout: 5_000 }).toContain('cannot be looked up')
  expect(await gateway.ports()).toEqual([b])
}, 20_000)
