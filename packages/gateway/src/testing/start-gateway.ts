import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CONTROL_INDEX, SharedTable } from '@sekisho/proxy'
import { loadConfigText } from '../config/load.ts'
import { renderProblems } from '../config/render.ts'
import { GatewayWorker } from '../gateway/gateway-worker.ts'
import { ControlMetrics, WorkerMetrics } from '../observability/metrics/index.ts'
import type { PluginDefinition } from '../plugins/definition.ts'
import { PluginRegistry } from '../plugins/plugin-registry.ts'
import { emptyResourceSet, type ResourceSet } from '../resources/resource-set.ts'
import { diffResources } from '../store/diff.ts'
import { startEcho, type EchoUpstream } from './echo-upstream.ts'

/** What came back to a test's client. Header names in lower case; repeated ones joined by `, `. */
export interface Answer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly rawHeaders: readonly (readonly [string, string])[]
  readonly body: string
  json(): unknown
}

export interface FetchOptions {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Uint8Array
  /** The Host field. */
  readonly host?: string
}

export interface TestGateway {
  readonly port: number
  readonly worker: GatewayWorker
  readonly echo: EchoUpstream
  readonly metrics: ControlMetrics
  fetch(path: string, options?: FetchOptions): Promise<Answer>
  /** Changes the document live; rejects with the rendered problems when it is refused. */
  update(document: object): Promise<void>
  close(): Promise<void>
}

/**
 * A gateway with one worker in this thread, on a port of its own, and the upstream `echo`. The document is what `sekisho.yaml` would be;
 * it goes the whole way: schema, checks, diff, table.
 */
export async function startGateway(document: object, own: readonly PluginDefinition[] = []): Promise<TestGateway> {
  const echo = await startEcho()
  const plugins = new PluginRegistry()
  await plugins.loadAll()
  for (const definition of own) plugins.set(definition)
  let resources: ResourceSet = emptyResourceSet()

  const load = async (wanted: object) => {
    const { upstreams = [], ...rest } = wanted as { upstreams?: object[] }
    const all = { ...rest, upstreams: [{ id: 'echo', nodes: { [`127.0.0.1:${echo.port}`]: 1 } }, ...upstreams] }
    const { config, problems } = await loadConfigText('test.json', JSON.stringify(all), { plugins })
    if (config === undefined) throw new Error(renderProblems(problems))
    return config
  }
  const { settings, resources: first } = await load(document)
  const metrics = new ControlMetrics({ version: 'test' })
  const slab = metrics.startWorker(0, 1)
  const worker = new GatewayWorker({
    settings,
    plugins,
    workerIndex: 0,
    metrics: new WorkerMetrics(slab, (batch) => metrics.receive(0, 1, batch)),
    counters: new SharedTable(SharedTable.createBuffer({ cells: 3, slots: 4_096 }), CONTROL_INDEX),
    inFlight: new SharedTable(SharedTable.createBuffer({ cells: 1, slots: 4_096 }), 0),
    logger: { error: report, warn: () => undefined, info: () => undefined },
  })
  const apply = async (next: ResourceSet): Promise<void> => {
    await worker.apply(diffResources(resources, next))
    resources = next
  }
  await apply(first)
  const listener = await worker.proxy.serve({ host: '127.0.0.1', port: 0 })
  const { port } = listener.address as AddressInfo
  return {
    port,
    worker,
    echo,
    metrics,
    fetch: (path, options) => fetchFrom(port, path, options),
    update: async (wanted) => apply((await load(wanted)).resources),
    close: async () => {
      listener.stopAccepting()
      await listener.drain(0)
      await worker.stop()
      metrics.stop()
      await echo.close()
    },
  }
}

const report = (fields: object, message: string): void => {
  const { err } = fields as { err?: unknown }
  process.stderr.write(`${message} ${err instanceof Error ? (err.stack ?? err.message) : ''}\n`)
}

/** One request on a connection of its own. */
export function fetchFrom(port: number, path: string, options: FetchOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, host } = options
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { ...headers, ...(host === undefined ? {} : { host }) },
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const raw = response.rawHeaders
          const pairs = raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1]] as const] : []))
          const joined: Record<string, string> = {}
          for (const [name, value] of pairs) {
            const key = name.toLowerCase()
            joined[key] = joined[key] === undefined ? value : `${joined[key]}, ${value}`
          }
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({
            status: response.statusCode ?? 0,
            headers: joined,
            rawHeaders: pairs,
            body: text,
            json: () => JSON.parse(text) as unknown,
          })
        })
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}
