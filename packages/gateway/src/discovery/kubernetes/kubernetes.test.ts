import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startDiscovering, startNode } from '../testing/discovering-gateway.ts'
import { RecordingListener } from '../testing/recording-listener.ts'
import { json, RegistryServer, type SeenRequest } from '../testing/registry-server.ts'
import { KubernetesSource } from './kubernetes-source.ts'
import { API_AUTHORITY, API_CERTIFICATE, API_KEY } from './testing/api-certificates.ts'

interface SliceOptions {
  readonly service?: string
  readonly namespace?: string
  readonly ready?: boolean | null
  readonly ports?: readonly object[]
}

/** As an API server: list in pages, watch from a version, bookmarks, 410 for what was compacted. */
class ApiServer {
  readonly server: RegistryServer
  version = 100
  /** Versions below are gone. */
  compacted = 0
  token: string | undefined
  broken: ((response: ServerResponse) => void) | undefined
  pageSize = 500
  readonly slices = new Map<string, { readonly object: object; readonly namespace: string }>()
  private events: { readonly version: number; readonly line: string }[] = []
  readonly watches = new Set<ServerResponse>()

  constructor(tls?: { readonly key: string; readonly cert: string }) {
    this.server = new RegistryServer((request, response) => this.serve(request, response), tls)
  }

  set(
    name: string,
    hosts: readonly (string | readonly [string, object])[],
    port: number,
    options: SliceOptions = {},
  ): void {
    const { service = 'shop', namespace = 'default', ready = true } = options
    const known = this.slices.has(`${namespace}/${name}`)
    const object = {
      metadata: {
        name,
        namespace,
        resourceVersion: String(++this.version),
        labels: { 'kubernetes.io/service-name': service },
      },
      addressType: 'IPv4',
      ports: options.ports ?? [{ name: 'http', port, protocol: 'TCP' }],
      endpoints: hosts.map((host) => ({
        addresses: [typeof host === 'string' ? host : host[0]],
        conditions: { ready },
        zone: 'z1',
        nodeName: 'n1',
        ...(typeof host === 'string' ? {} : host[1]),
      })),
    }
    this.slices.set(`${namespace}/${name}`, { object, namespace })
    this.emit(known ? 'MODIFIED' : 'ADDED', object)
  }

  remove(name: string, namespace = 'default'): void {
    const { object } = this.slices.get(`${namespace}/${name}`) as { object: { metadata: object } }
    this.slices.delete(`${namespace}/${name}`)
    this.emit('DELETED', { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.version) } })
  }

  emit(type: string, object: object): void {
    const line = `${JSON.stringify({ type, object })}\n`
    this.events.push({ version: this.version, line })
    for (const response of this.watches) response.write(line)
  }

  bookmark(): void {
    this.emit('BOOKMARK', { kind: 'EndpointSlice', metadata: { resourceVersion: String(++this.version) } })
  }

  /** The watches end, as they do by `timeoutSeconds`. */
  endWatches(): void {
    for (const response of this.watches) response.end()
    this.watches.clear()
  }

  private serve({ url, headers }: SeenRequest, response: ServerResponse): void {
    if (this.broken !== undefined) return this.broken(response)
    if (this.token !== undefined && headers.authorization !== `Bearer ${this.token}`)
      return void response.writeHead(401).end()
    const match = /^\/apis\/discovery\.k8s\.io\/v1(?:\/namespaces\/([^/]+))?\/endpointslices$/.exec(url.pathname)
    if (match === null) return void response.writeHead(404).end()
    const { searchParams } = url
    if (searchParams.get('watch') === '1') return this.watch(Number(searchParams.get('resourceVersion')), response)
    const all = [...this.slices.values()].filter(({ namespace }) => match[1] === undefined || namespace === match[1])
    const from = Number(searchParams.get('continue') ?? 0)
    const items = all.slice(from, from + this.pageSize).map(({ object }) => object)
    const more = from + this.pageSize < all.length ? { continue: String(from + this.pageSize) } : {}
    json(response, { kind: 'EndpointSliceList', metadata: { resourceVersion: String(this.version), ...more }, items })
  }

  private watch(from: number, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' })
    if (from < this.compacted) {
      const object = { kind: 'Status', code: 410, reason: 'Expired', message: `too old resource version: ${from}` }
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`)
      return
    }
    response.flushHeaders()
    for (const { version, line } of this.events) if (version > from) response.write(line)
    this.watches.add(response)
    response.on('close', () => this.watches.delete(response))
  }
}

let api: ApiServer
let folder: string
let closing: (() => void | Promise<void>)[]
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-kubernetes-'))
  api = new ApiServer()
  closing = []
  await api.server.start()
})
afterEach(async () => {
  for (const close of closing.toReversed()) await close()
  await api.server.stop()
  rmSync(folder, { recursive: true })
})

const service = (): object => ({ schema: 'http', host: '127.0.0.1', port: api.server.port })

async function source(settings: object = {}): Promise<KubernetesSource> {
  const made = new KubernetesSource({ service: service(), ...settings })
  await made.open()
  closing.push(() => made.close())
  return made
}

function watch(made: KubernetesSource, name = 'default/shop:http'): RecordingListener {
  const listener = new RecordingListener()
  closing.push(made.watch(name, {}, listener))
  return listener
}

const isWatch = ({ url }: SeenRequest): boolean => url.searchParams.has('watch')

it('lists in pages, watches from the version of the list with bookmarks, and follows what is added, changed and removed', async () => {
  api.pageSize = 2
  for (const number of [1, 2, 3, 4, 5]) api.set(`shop-${number}`, [`10.0.0.${number}`], 80)
  const listener = watch(await source({ label_selector: 'env in (prod)', default_weight: 7 }))
  await listener.until(({ last }) => last.length === 5)
  expect(listener.answers.at(-1)?.[0]).toEqual({
    host: '10.0.0.1',
    port: 80,
    weight: 7,
    metadata: { zone: 'z1', node: 'n1' },
  })
  const { url } = await api.server.asked(isWatch)
  expect(url.pathname).toBe('/apis/discovery.k8s.io/v1/endpointslices')
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    watch: '1',
    allowWatchBookmarks: 'true',
    resourceVersion: '105',
    labelSelector: 'env in (prod)',
  })
  expect(
    api.server.requests.filter((request) => !isWatch(request)).map((one) => one.url.searchParams.get('continue')),
  ).toEqual([null, '2', '4'])
  api.set('shop-6', ['10.0.0.6'], 80)
  await listener.until(({ last }) => last.length === 6)
  api.set('shop-1', ['10.0.1.1', ['10.0.1.2', { conditions: { ready: false } }], ['10.0.1.3', { conditions: {} }]], 80)
  await listener.until(({ last }) => last.join().includes('10.0.1.1'))
  expect(listener.last).not.toContain('10.0.1.2:80')
  expect(listener.last).toContain('10.0.1.3:80')
  for (const number of [2, 3, 4, 5, 6]) api.remove(`shop-${number}`)
  await listener.until(({ last }) => last.join() === '10.0.1.1:80,10.0.1.3:80')
  expect(listener.errors).toEqual([])
})

it('goes on from the version of a bookmark when a watch ends, and lists anew when that is gone', async () => {
  api.set('a', ['10.0.0.1'], 80)
  const listener = watch(await source())
  await api.server.asked(isWatch)
  api.bookmark()
  await listener.until(({ answers }) => answers.length >= 2)
  api.endWatches()
  const version = String(api.version)
  await api.server.asked(({ url }) => url.searchParams.get('resourceVersion') === version)
  // What happened while nobody watched, and was compacted.
  api.endWatches()
  const lists = (): number => api.server.requests.filter((request) => !isWatch(request)).length
  const before = lists()
  api.version += 10
  api.compacted = api.version + 1
  api.set('b', ['10.0.0.2'], 80)
  api.endWatches()
  await listener.until(({ last }) => last.join() === '10.0.0.1:80,10.0.0.2:80')
  expect(lists()).toBeGreaterThanOrEqual(before)
  // 410 is how an API server works: no failure of the registry.
  expect(listener.errors).toEqual([])
}, 20_000)

it('finds ports by name and number, and asks for one where there are several', async () => {
  api.set('a', ['10.0.0.1'], 0, {
    ports: [
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: '', port: 9090 },
    ],
  })
  api.set('b', ['10.0.0.2'], 0, { service: 'one', ports: [{ name: null, port: 7070 }] })
  const made = await source()
  const [byName, byNumber, unknown, missing, only] = ['shop:http', 'shop:9090', 'shop:grpc', 'shop', 'one'].map(
    (name) => watch(made, `default/${name}`),
  )
  await byName.until(({ last }) => last.join() === '10.0.0.1:8080')
  await byNumber.until(({ last }) => last.join() === '10.0.0.1:9090')
  await unknown.until(({ answers }) => answers.length > 0)
  expect(unknown.last).toEqual([])
  await missing.until(({ errors }) => errors.length > 0)
  expect(missing.errors[0]).toBe('it has several ports: add one to the name, ":" and "http", "9090"')
  await only.until(({ last }) => last.join() === '10.0.0.2:7070')
  expect(() => watch(made, 'shop')).toThrow('NAMESPACE/SERVICE:PORT')
  expect(() => watch(made, 'c1/default/shop:http')).toThrow('leave "c1/" out')
})

it('reads one namespace where one is selected, and leaves the others out by pattern', async () => {
  api.set('a', ['10.0.0.1'], 80, { namespace: 'prod' })
  const one = await source({ namespace_selector: { equal: 'prod' } })
  const listener = watch(one, 'prod/shop:http')
  await listener.until(({ last }) => last.length === 1)
  expect(api.server.requests[0].url.pathname).toBe('/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices')
  expect(() => watch(one, 'default/shop:http')).toThrow('namespace_selector')
  const some = await source({ namespace_selector: { not_match: ['^kube-', '^prod$'] } })
  expect(() => watch(some, 'prod/shop:http')).toThrow('namespace_selector')
  watch(some, 'default/shop:http')
})

it('reads the token anew for each request, and says what the account lacks', async () => {
  const file = join(folder, 'token')
  writeFileSync(file, 'one\n')
  api.token = 'one'
  api.set('a', ['10.0.0.1'], 80)
  const listener = watch(await source({ client: { token_file: file } }))
  await listener.until(({ last }) => last.length === 1)
  await api.server.asked(isWatch)
  api.token = 'two'
  api.endWatches()
  await listener.until(({ errors }) => errors.length > 0)
  expect(listener.errors[0]).toMatch(/status 401: the token is not valid$/)
  writeFileSync(file, 'two\n')
  await api.server.asked(({ headers }) => headers.authorization === 'Bearer two')
  const answers = listener.answers.length
  api.set('b', ['10.0.0.2'], 80)
  await listener.until((now) => now.answers.length > answers && now.last.length === 2)
  api.broken = (response) => response.writeHead(403).end()
  const errors = listener.errors.length
  api.endWatches()
  await listener.until((now) => now.errors.length > errors)
  expect(listener.errors.at(-1)).toMatch(/may not "list" and "watch" "endpointslices"$/)
}, 20_000)

it('survives half lines, nonsense and resets, and goes on where it was', async () => {
  api.set('a', ['10.0.0.1'], 80)
  const listener = watch(await source())
  const breaks: ((response: ServerResponse) => void)[] = [
    (response) => response.end('{"type":"ADDED","object":{"metadata":{"name":"half"'),
    (response) => response.end('nonsense\n'),
    (response) => response.destroy(),
    (response) => response.end(`${JSON.stringify({ type: 'ADDED', object: { metadata: {} } })}\n`),
    (response) =>
      response.end(`${JSON.stringify({ type: 'ERROR', object: { code: 500, message: 'etcd is away' } })}\n`),
  ]
  let count = 1
  for (const end of breaks) {
    await new Promise<void>((resolve) => {
      const look = (): void => (api.watches.size > 0 ? resolve() : void setTimeout(look, 5))
      look()
    })
    for (const response of api.watches) end(response)
    api.watches.clear()
    api.set(`n${++count}`, [`10.0.0.${count}`], 80)
    await listener.until(({ last }) => last.length === count)
  }
  expect(listener.errors.join('\n')).toMatch(/not JSON[\s\S]*without a name[\s\S]*etcd is away/)
}, 30_000)

it('trusts the authorities of the cluster, and nobody else', async () => {
  const secure = new ApiServer({ key: API_KEY, cert: API_CERTIFICATE })
  await secure.server.start()
  closing.push(() => secure.server.stop())
  secure.set('a', ['10.0.0.1'], 80)
  const ca = join(folder, 'ca.crt')
  const at = async (more: object): Promise<RecordingListener> =>
    watch(await source({ service: { host: '127.0.0.1', port: secure.server.port, ...more } }))
  const stranger = await at({})
  await stranger.until(({ errors }) => errors.length > 0)
  expect(stranger.errors[0]).toMatch(/unable to verify the first certificate|self-signed|unable to get local issuer/)
  await (await at({ ssl_verify: false })).until(({ last }) => last.length === 1)
  writeFileSync(ca, API_AUTHORITY)
  await (await at({ ca_file: ca })).until(({ last }) => last.length === 1)
  const missing = new KubernetesSource({ service: { host: '127.0.0.1', port: 1, ca_file: join(folder, 'none') } })
  await expect(missing.open()).rejects.toThrow('the authorities of the cluster cannot be read')
})

it('serves several clusters, by the id before the name', async () => {
  const other = new ApiServer()
  await other.server.start()
  closing.push(() => other.server.stop())
  api.set('a', ['10.1.0.1'], 80)
  other.set('a', ['10.2.0.1'], 80)
  const at = (port: number) => ({ schema: 'http' as const, host: '127.0.0.1', port })
  const made = new KubernetesSource([
    { id: 'east', service: at(api.server.port) },
    { id: 'west', service: at(other.server.port) },
  ])
  await made.open()
  closing.push(() => made.close())
  const [east, west] = [watch(made, 'east/default/shop:http'), watch(made, 'west/default/shop:http')]
  await east.until(({ last }) => last.join() === '10.1.0.1:80')
  await west.until(({ last }) => last.join() === '10.2.0.1:80')
  expect(() => watch(made, 'default/shop:http')).toThrow('must begin with one of "east", "west"')
})

it('takes its address from the environment of a pod, and says so when there is none', async () => {
  const outside = new KubernetesSource({}, {})
  await expect(outside.open()).rejects.toThrow('KUBERNETES_SERVICE_HOST is not set')
  api.set('a', ['10.0.0.1'], 80)
  const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(api.server.port) }
  const inside = new KubernetesSource({ service: { schema: 'http' } }, environment)
  await inside.open()
  closing.push(() => inside.close())
  await watch(inside).until(({ last }) => last.length === 1)
})

it('takes nodes in and out of a gateway that serves, and goes on while the API server is away', async () => {
  const nodes = [await startNode(), await startNode()]
  closing.push(...nodes.map(({ close }) => close))
  const [a, b] = nodes.map(({ port }) => port)
  api.set('a', ['127.0.0.1'], a)
  const upstream = { service_name: 'default/shop:http', discovery_type: 'kubernetes' }
  const gateway = await startDiscovering({ kubernetes: { service: service() } }, upstream, { emptyAfterMs: 0 })
  closing.push(() => gateway.close())
  expect(await gateway.ports()).toEqual([a])
  api.set('b', ['127.0.0.1'], b)
  await gateway.meets(a, b)
  api.remove('a')
  await gateway.meets(b)
  await api.server.stop()
  await gateway.meets(b)
  await api.server.start()
  api.set('a', ['127.0.0.1'], a)
  await gateway.meets(a, b)
  api.remove('a')
  api.remove('b')
  await gateway.meets(503)
}, 30_000)
