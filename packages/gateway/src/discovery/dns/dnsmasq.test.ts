import { Resolver } from 'node:dns/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startDiscovering, startNode } from '../testing/discovering-gateway.ts'
import { RecordingListener } from '../testing/recording-listener.ts'
import { DnsClient } from './dns-client.ts'
import { DnsSource } from './dns-source.ts'
import { Dnsmasq, hasDnsmasq } from './testing/dnsmasq.ts'

describe.skipIf(!hasDnsmasq)('with dnsmasq', () => {
  let dnsmasq: Dnsmasq
  let closing: (() => void | Promise<void>)[]
  beforeEach(() => {
    dnsmasq = new Dnsmasq()
    closing = []
  })
  afterEach(async () => {
    for (const close of closing.toReversed()) await close()
    await dnsmasq.close()
  })

  const server = (): string => `127.0.0.1:${dnsmasq.port}`

  async function watch(name: string, settings: object = {}): Promise<RecordingListener> {
    const source = new DnsSource({ servers: [server()], timeout: 0.5, ...settings })
    await source.open()
    closing.push(() => source.close())
    const listener = new RecordingListener()
    closing.push(source.watch(name, {}, listener))
    return listener
  }

  it('says what node:dns says of A, AAAA, SRV, CNAME, names that are not there, and of answers that need TCP', async () => {
    const many = Array.from({ length: 200 }, (_, index) => `host-record=many.test,10.1.${index >> 8}.${index & 255},60`)
    await dnsmasq.start([
      'host-record=a.test,10.0.0.1,2001:db8::1,77',
      'host-record=b.test,10.0.0.2,5',
      'cname=alias.test,b.test,9',
      'srv-host=_http._tcp.test,a.test,8080,1,10',
      'srv-host=_http._tcp.test,b.test,8081,2,20',
      ...many,
    ])
    const client = new DnsClient({
      servers: [{ host: '127.0.0.1', port: dnsmasq.port }],
      timeoutMs: 1_000,
      attempts: 1,
    })
    const oracle = new Resolver()
    oracle.setServers([server()])
    for (const name of ['a.test', 'b.test', 'alias.test', 'many.test', 'none.test']) {
      const [ours, theirs] = [
        await client.lookup(name, 'A'),
        await oracle.resolve4(name, { ttl: true }).catch(() => []),
      ]
      const sorted = (list: readonly { address: string; ttl: number }[]) =>
        list.map(({ address, ttl }) => `${address} ${ttl}`).toSorted()
      expect({ name, records: sorted(ours.records) }).toEqual({ name, records: sorted(theirs) })
      const [six, theirSix] = [
        await client.lookup(name, 'AAAA'),
        await oracle.resolve6(name, { ttl: true }).catch(() => []),
      ]
      expect({ name, records: sorted(six.records) }).toEqual({ name, records: sorted(theirSix) })
    }
    const srv = (await client.lookup('_http._tcp.test', 'SRV')).records.map(({ target, port, priority, weight }) => ({
      name: target,
      port,
      priority,
      weight,
    }))
    const byPort = (a: { port: number }, b: { port: number }): number => a.port - b.port
    expect(srv.toSorted(byPort)).toEqual((await oracle.resolveSrv('_http._tcp.test')).toSorted(byPort))
  })

  it('takes SRV records with ports, weights and priorities before addresses, and the port of the name with these', async () => {
    await dnsmasq.start([
      'host-record=a.test,10.0.0.1',
      'host-record=b.test,2001:db8::2',
      'srv-host=shop.test,a.test,8080,1,10',
      'srv-host=shop.test,b.test,8081,2,0',
      'host-record=shop.test,10.9.9.9',
    ])
    const srv = await watch('shop.test')
    await srv.until(({ answers }) => answers.length === 1)
    expect(srv.answers[0].toSorted((a, b) => Number(a.port) - Number(b.port))).toEqual([
      { host: '10.0.0.1', port: 8080, weight: 10, priority: -1 },
      { host: '2001:db8::2', port: 8081, weight: 1, priority: -2 },
    ])
    const addresses = await watch('shop.test:9090', { order: ['A'] })
    await addresses.until(({ answers }) => answers.length === 1)
    expect(addresses.last).toEqual(['10.9.9.9:9090'])
  })

  it('asks again when the TTL is over, keeps the last answer while no server answers, and asks the next server', async () => {
    await dnsmasq.start(['host-record=shop.test,10.0.0.1,1'])
    const dead = '127.0.0.1:1'
    const listener = await watch('shop.test:80', { servers: [dead, server()], order: ['last', 'A'] })
    await listener.until(({ last }) => last.join() === '10.0.0.1:80')
    await dnsmasq.start(['host-record=shop.test,10.0.0.2,1'])
    await listener.until(({ last }) => last.join() === '10.0.0.2:80')
    await dnsmasq.stop()
    await listener.until(({ errors }) => errors.length > 0)
    expect(listener.errors.at(-1)).toMatch(/refuses connections$/)
    await dnsmasq.start(['host-record=other.test,10.0.0.3'])
    const answers = listener.answers.length
    await listener.until((now) => now.answers.length > answers)
    expect(listener.last).toEqual([])
  }, 20_000)

  it('takes nodes in and out of a gateway that serves, and goes on while the name server is away', async () => {
    const nodes = [await startNode(), await startNode()]
    closing.push(...nodes.map(({ close }) => close))
    const [a, b] = nodes.map(({ port }) => port)
    const records = (...ports: number[]): string[] => [
      'host-record=node.test,127.0.0.1,1',
      'local-ttl=1',
      ...ports.map((port) => `srv-host=shop.test,node.test,${port},0,1`),
    ]
    await dnsmasq.start(records(a))
    const gateway = await startDiscovering(
      { dns: { servers: [server()], timeout: 0.5 } },
      { service_name: 'shop.test', discovery_type: 'dns' },
    )
    closing.push(() => gateway.close())
    expect(await gateway.ports()).toEqual([a])
    await dnsmasq.start(records(a, b))
    await gateway.meets(a, b)
    await dnsmasq.start(records(b))
    await gateway.meets(b)
    await dnsmasq.stop()
    const { errors } = { errors: () => gateway.gateway.metrics.render() }
    await expect
      .poll(errors, { timeout: 8_000 })
      .toMatch(/sekisho_discovery_errors_total\{type="dns",service_name="shop.test"\} [1-9]/)
    expect(await gateway.ports()).toEqual([b])
  }, 30_000)
})
