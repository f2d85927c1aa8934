import { CONTROL_INDEX, type HttpProxyOptions, SharedTable } from '@sekisho/proxy'
import { stringify } from 'yaml'
import { loadConfigText } from '../config/load.ts'
import { renderProblems } from '../config/render.ts'
import { GatewayWorker } from '../gateway/gateway-worker.ts'
import { ControlMetrics, WorkerMetrics } from '../observability/metrics/index.ts'
import type { PluginDefinition } from '../plugins/definition.ts'
import { builtInNames } from '../plugins/built-in.ts'
import { PluginRegistry, prepareDefaults } from '../plugins/plugin-registry.ts'
import { emptyResourceSet, type ResourceSet } from '../resources/resource-set.ts'
import { diffResources } from '../store/diff.ts'
import { loadPlugin } from './load-plugin.ts'

/** What `definePlugin` returns, of whatever configuration. */
export type AnyPlugin = Pick<PluginDefinition, 'name' | 'schema'>

/** A line of the gateway's log, by a plugin or about one. */
export interface LogLine {
  readonly level: 'error' | 'warn' | 'info'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface WorkerUnderTestOptions {
  /** Plugins of your own, or the paths of their files. */
  readonly plugins?: readonly (AnyPlugin | string | URL)[] | undefined
  /** What `${{NAME}}` in the configuration is. Default: the environment of the process. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Built-in plugins whose modules are loaded though the configuration does not name them. */
  readonly builtIn?: readonly string[]
  readonly proxy?: Partial<HttpProxyOptions>
  readonly onLog?: (line: LogLine) => void
}

/** One worker of a gateway, in this thread: a configuration goes the whole way of schema, checks, difference and table. */
export class WorkerUnderTest {
  readonly worker: GatewayWorker
  readonly metrics: ControlMetrics
  readonly logs: LogLine[]
  private readonly load: (document: object | string) => ReturnType<typeof loaded>
  private resources: ResourceSet = emptyResourceSet()

  private constructor(
    worker: GatewayWorker,
    metrics: ControlMetrics,
    logs: LogLine[],
    load: (document: object | string) => ReturnType<typeof loaded>,
  ) {
    this.worker = worker
    this.metrics = metrics
    this.logs = logs
    this.load = load
  }

  /** Rejects with what the gateway would say of a configuration that it refuses. */
  static async start(document: object | string, options: WorkerUnderTestOptions): Promise<WorkerUnderTest> {
    const plugins = new PluginRegistry()
    await plugins.load(options.builtIn ?? [])
    for (const plugin of options.plugins ?? []) {
      const definition =
        typeof plugin === 'string' || plugin instanceof URL
          ? await loadPlugin(plugin)
          : (plugin as unknown as PluginDefinition)
      await prepareDefaults(definition)
      plugins.set(definition)
    }
    const load = (wanted: object | string): ReturnType<typeof loaded> => loaded(wanted, plugins, options.environment)
    const { settings, resources } = await load(document)
    const metrics = new ControlMetrics({ version: 'test' })
    const slab = metrics.startWorker(0, 1)
    const logs: LogLine[] = []
    const log = (level: LogLine['level']) => (fields: object, message: string) => {
      const line = { level, message, fields: fields as LogLine['fields'] }
      logs.push(line)
      options.onLog?.(line)
    }
    const worker = new GatewayWorker({
      settings,
      plugins,
      workerIndex: 0,
      metrics: new WorkerMetrics(slab, (batch) => metrics.receive(0, 1, batch)),
      renderMetrics: () => Promise.resolve(metrics.render()),
      counters: new SharedTable(SharedTable.createBuffer({ cells: 3, slots: 4_096 }), CONTROL_INDEX),
      inFlight: new SharedTable(SharedTable.createBuffer({ cells: 1, slots: 4_096 }), 0),
      logger: { error: log('error'), warn: log('warn'), info: log('info') },
      proxy: options.proxy ?? {},
    })
    const one = new WorkerUnderTest(worker, metrics, logs, load)
    await one.apply(resources)
    return one
  }

  /** Puts another configuration in force, live. Rejects with what is wrong with it, and the old one stays. */
  async update(document: object | string): Promise<void> {
    await this.apply((await this.load(document)).resources)
  }

  /** The sum of a metric's series that have all of these labels: `metric('sekisho_http_status', { code: '200' })`. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    // New series are announced at the end of the turn.
    await Promise.resolve()
    let sum = 0
    for (const line of this.metrics.render().split('\n')) {
      const [, series, written = '', value] = /^([\w:]+)(?:\{(.*)\})? (\S+)/.exec(line) ?? []
      if (series !== name) continue
      const has = Object.entries(labels).every(([key, text]) => written.includes(`${key}=${JSON.stringify(text)}`))
      if (has) sum += Number(value)
    }
    return sum
  }

  async stop(): Promise<void> {
    // Every instance gets its `dispose`.
    await this.apply(emptyResourceSet())
    await this.worker.stop()
    this.metrics.stop()
  }

  private async apply(next: ResourceSet): Promise<void> {
    await this.worker.apply(diffResources(this.resources, next))
    this.resources = next
  }
}

async function loaded(
  document: object | string,
  plugins: PluginRegistry,
  environment: Readonly<Record<string, string>> | undefined,
) {
  const text = typeof document === 'string' ? document : stringify(document, { aliasDuplicateObjects: false })
  // Those that are named, wherever: all of them take a second.
  const words = new Set(text.match(/[a-z0-9-]+/g))
  await plugins.load(builtInNames().filter((name) => words.has(name)))
  const options = environment === undefined ? { plugins } : { plugins, environment }
  const { config, problems } = await loadConfigText('sekisho.yaml', text, options)
  if (config === undefined) throw new Error(renderProblems(problems).trimEnd())
  return config
}
