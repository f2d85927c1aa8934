import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ConsulKvSource } from '../consul/consul-kv-source.ts'
import { ConsulSource } from '../consul/consul-source.ts'
import { EurekaSource } from '../eureka/eureka-source.ts'
import { API_AUTHORITY, API_CERTIFICATE, API_KEY } from '../kubernetes/testing/api-certificates.ts'
import { NacosSource } from '../nacos/nacos-source.ts'
import type { DiscoverySource } from '../source.ts'
import { RecordingListener } from '../testing/recording-listener.ts'
import { json, RegistryServer } from '../testing/registry-server.ts'
import type { RegistryTlsSetting } from './registry-settings.ts'

let server: RegistryServer
let folder: string
let ca: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-registry-'))
  ca = join(folder, 'ca.pem')
  writeFileSync(ca, API_AUTHORITY)
  server = new RegistryServer(
    ({ url }, response) => {
      if (url.pathname.startsWith('/v1/health/'))
        return json(response, [{ Service: { Address: '10.0.0.1', Port: 80 }, Node: { Address: '10.0.0.1' } }])
      if (url.pathname.startsWith('/v1/kv/')) return json(response, [{ Key: 'upstreams/shop/10.0.0.1:80', Value: '' }])
      if (url.pathname.startsWith('/nacos/'))
        return json(response, { hosts: [{ ip: '10.0.0.1', port: 80, weight: 1, healthy: true, enabled: true }] })
      return json(response, {
        application: {
          instance: [
            {
              ipAddr: '10.0.0.1',
              status: 'UP',
              port: { $: 80, '@enabled': 'true' },
              securePort: { $: 443, '@enabled': 'false' },
            },
          ],
        },
      })
    },
    { key: API_KEY, cert: API_CERTIFICATE },
  )
  await server.start()
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

const address = (): string => `https://127.0.0.1:${server.port}`
const SOURCES: readonly (readonly [name: string, make: (tls: RegistryTlsSetting | undefined) => DiscoverySource])[] = [
  ['consul', (tls) => new ConsulSource({ servers: [address()], ...(tls && { tls }) })],
  ['consul_kv', (tls) => new ConsulKvSource({ servers: [address()], prefix: 'upstreams', ...(tls && { tls }) })],
  ['nacos', (tls) => new NacosSource({ host: [address()], ...(tls && { tls }) })],
  ['eureka', (tls) => new EurekaSource({ host: [address()], ...(tls && { tls }) })],
]

describe.each(SOURCES)('%s over https', (_, make) => {
  async function first(tls: RegistryTlsSetting | undefined): Promise<RecordingListener> {
    const source = make(tls)
    onTestFinished(() => source.close())
    const listener = new RecordingListener()
    onTestFinished(source.watch('shop', {}, listener))
    await listener.until(({ answers, errors }) => answers.length + errors.length > 0)
    return listener
  }

  it('is believed by the authorities that are named', async () => {
    expect((await first({ ca })).last).toEqual(['10.0.0.1:80'])
  })

  it('and not without, unless nobody is to verify it', async () => {
    expect((await first(undefined)).errors[0]).toMatch(/unable to|self-signed/)
    expect((await first({ verify: false })).last).toEqual(['10.0.0.1:80'])
  })

  it('says which file is missing', () => {
    expect(() => make({ ca: join(folder, 'none.pem') })).toThrow('none.pem')
  })
})
