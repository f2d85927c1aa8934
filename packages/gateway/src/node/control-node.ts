import { CONTROL_INDEX, forgetWorker, SharedCounts, SharedTable } from '@sekisho/proxy/limits'
import type { ControlContext } from '@sekisho/proxy/server'
import { renderProblems } from '../config/render.ts'
import { zoneBuffers } from '../cache/zone-buffers.ts'
import { ZonePurges } from '../cache/zone-purges.ts'
import type { ConfigProblem } from '../config/problem.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import { LazyHealth } from '../health/lazy-health.ts'
import { ControlMetrics, METRICS, MetricsServer } from '../observability/metrics/index.ts'
import type { HealthReport } from '../health/health-messages.ts'
import type { MutableResourceSet } from '../resources/resource-set.ts'
import type { Ssl } from '../resources/ssl.ts'
import { limitPluginFiles } from '../plugins/file-access.ts'
import { trustScripts } from '../scripts/trusted-scripts.ts'
import { applyOperations } from '../store/apply.ts'
import { ConfigError, FileStore } from '../store/file-store.ts'
import type { Change, Snapshot, Store } from '../store/store.ts'
import { certificateWarnings } from '../tls/certificate-warnings.ts'
import { VERSION } from '../version.ts'
import { ConfigLoader } from './config-loader.ts'
import { ADMIN_ENDPOINT, METRICS_ENDPOINT } from './endpoints.ts'
import type { FileSecrets } from './file-secrets.ts'
import type { NodeAdmin } from './node-admin.ts'
import type { NodeDocuments } from './node-documents.ts'
import { flushLogs } from '../plugins/logging/open-logs.ts'
import { ErrorLogShipping } from './error-log-shipping.ts'
import { lazyErrorLog, type LazyErrorLog } from './lazy-error-log.ts'
import {
  SHARED_BALANCING,
  SHARED_COUNTERS,
  SHARED_IN_FLIGHT,
  sharedMetrics,
  type ToControl,
  type ToWorker,
  type WorkerStart,
} from './messages.ts'
import { NodeCertificates } from './node-certificates.ts'
import { NodeDiscovery } from './node-discovery.ts'
import { notices } from './notices.ts'
import { watchPluginFolders } from './plugin-folders.ts'
import { Readiness } from './readiness.ts'

/**
 * The control thread: reads and watches the configuration, hands changes to the workers, adds up what they count. When it returns, all
 * that workers need to start is in place.
 */
export async function controlNode(control: ControlContext, file: string): Promise<void> {
  let log: LazyErrorLog | undefined
  const metrics = new ControlMetrics({ version: VERSION })
  const failures = metrics.own.counter(METRICS.configReloadFailures, {})
  const refuse = (problems: readonly ConfigProblem[]): void => {
    failures.add(1)
    const fields = { file, problems: problems.length }
    log?.error(
      fields,
      `the changed configuration is refused, the one before stays in force:\n${renderProblems(problems)}`,
    )
  }

  let secrets: FileSecrets | undefined
  let secretsChanged = (): void => undefined
  const loader = new ConfigLoader(async (wanted) => {
    const { FileSecrets: Secrets } = await import('./file-secrets.ts')
    const onProblem = (message: string): void => log?.warn({ file }, message)
    secrets ??= new Secrets({ onChange: () => secretsChanged(), onProblem })
    return secrets.read(wanted)
  })
  let leftOut: readonly ConfigProblem[] = []
  const tellLeftOut = (): void => {
    if (leftOut.length === 0) return
    log?.error(
      { file, problems: leftOut.length },
      `what refers to secrets that cannot be read stays as it was, or is left out until they can be:\n${renderProblems(leftOut)}`,
    )
  }
  let plugins: ReadonlyMap<string, string> = new Map()
  let filesChanged = (): void => undefined
  let certificateFiles: readonly string[] = []
  let pluginsChanged: (before: ReadonlyMap<string, string>) => void = () => undefined
  const store = new FileStore(file, {
    load: async (path) => {
      const result = await loader.load(path)
      if (result.config === undefined) return result
      const before = plugins
      plugins = result.plugins
      pluginsChanged(before)
      certificateFiles = result.config.files
      secrets?.use(result.config.secrets)
      filesChanged()
      return { config: result.config }
    },
    onProblem: refuse,
    onWithoutSecrets: (problems) => {
      leftOut = problems
      tellLeftOut()
    },
    onSettings: () =>
      log?.warn(
        { file },
        'settings of the node changed: they take effect with the next start (SIGUSR2 starts anew in place)',
      ),
  })
  const fileSnapshot = await loadOrExplain(store)
  // Most gateways run for long before anybody edits a file.
  loader.close()
  const settings = store.settings as NonNullable<typeof store.settings>
  log = lazyErrorLog(settings.error_log, { thread: 'control' })
  const errorLog = log
  tellLeftOut()
  trustScripts({ ...settings.scripts, isStored: settings.store.type !== 'file' })
  if (settings.store.type !== 'file') limitPluginFiles({ read: settings.secret_paths, written: settings.log_paths })
  if (settings.fips) (await import('../tls/fips.ts')).useFips()
  let documents: NodeDocuments | undefined
  if (settings.store.type !== 'file') {
    const { openDocuments } = await import('./node-documents.ts')
    const follow = control.generation > 1
    documents = await openDocuments({ settings, file, plugins, follow, metrics, logger: errorLog })
  }
  const snapshot = documents === undefined ? fileSnapshot : await documents.store.load()
  for (const notice of notices(settings, snapshot.resources)) errorLog.warn({ file }, notice)
  const shipping = new ErrorLogShipping({ log, settings, bindings: { thread: 'control' }, metrics: undefined })
  shipping.set(snapshot.resources.plugin_metadata.get('error-log-logger'))
  warnOfCertificates(errorLog, snapshot.resources.ssls)

  const revision = documents === undefined ? metrics.own.gauge(METRICS.configRevision, {}) : undefined
  revision?.set(snapshot.revision)
  const resources = copyOf(snapshot.resources)
  const broadcast = (message: ToWorker): void => control.broadcast(message)
  // Tokens of secret managers are for this thread alone.
  const forWorkers = { ...resources, secrets: new Map() }
  const health = new LazyHealth({
    metrics: metrics.own,
    logger: errorLog,
    send: broadcast,
    resources: () => resources,
    onBoards: () => keepStart(current),
    inherited: control.inherited['health'],
    onKeep: (text) => control.keep('health', text),
  })
  // Cloned when a worker starts, also for one that takes a crashed one's place.
  const keepStart = (at: number): void => {
    const { ticketKeys, challenges } = own
    control.workerData = {
      settings,
      revision: at,
      resources: forWorkers,
      plugins,
      ticketKeys: ticketKeys.current,
      challenges: challenges.pending,
      discovered: discovery.nodes,
      health: health.boards(),
    } satisfies WorkerStart
  }
  const discovery = new NodeDiscovery({
    settings: settings.discovery,
    resources,
    metrics: metrics.own,
    logger: errorLog,
    onNodes: (key, nodes) => {
      health.setDiscovered(key, nodes)
      broadcast({ type: 'discovered', key, nodes })
    },
  })
  let current = snapshot.revision
  let admin: NodeAdmin | undefined
  const own = new NodeCertificates({
    settings,
    logger: errorLog,
    broadcast,
    keep: (operations) => {
      applyOperations(resources, operations)
      keepStart(current)
    },
    reload: () => reloadFor('the certificates could not be loaded'),
  })
  const watchFiles = (): void => own.watch([...certificateFiles, ...(documents?.store.files() ?? [])])
  filesChanged = watchFiles
  watchFiles()
  documents?.store.onDocuments(watchFiles)
  await own.load()
  await discovery.start()
  keepStart(current)
  await health.start()
  pluginsChanged = (before) => {
    for (const [path, code] of plugins) if (before.get(path) !== code) broadcast({ type: 'plugin', name: path, code })
    const changed = [...plugins].filter(([path, code]) => before.get(path) !== code).map(([path]) => path)
    if (changed.length > 0) errorLog.info({ files: changed }, 'plugins were loaded')
    for (const path of before.keys()) if (!plugins.has(path)) broadcast({ type: 'plugin', name: path, code: undefined })
    admin?.pluginsChanged(plugins)
    documents
      ?.pluginsChanged(plugins)
      .catch((err: unknown) =>
        errorLog.error({ err }, 'the documents of the store could not be checked with the changed plugins'),
      )
    keepStart(current)
  }
  // With another store, the file is watched for its settings and plugins.
  if (documents !== undefined) store.watch(() => undefined)
  const source: Store = documents?.store ?? store
  source.watch((change: Change) => {
    applyOperations(resources, change.operations)
    current = change.revision
    keepStart(current)
    discovery.apply(change.operations)
    shipping.apply(change.operations)
    const operations = change.operations.filter(({ kind }) => kind !== 'secrets')
    broadcast({ type: 'change', revision: change.revision, operations })
    health.apply(operations)
    revision?.set(change.revision)
    const changed = change.operations.filter((one) => one.kind === 'ssls' && one.value !== undefined)
    warnOfCertificates(
      errorLog,
      changed.map(({ id, value }) => [id, value as Ssl]),
    )
    for (const [kind, label] of ROUTE_LABELS) {
      const removed = new Set(
        change.operations.filter((one) => one.kind === kind && one.value === undefined).map(({ id }) => id),
      )
      if (removed.size === 0) continue
      metrics.forget(label, removed)
      broadcast({ type: 'forget', label, values: removed })
    }
    errorLog.info(
      { revision: documents?.store.revision ?? change.revision, changes: change.operations.length },
      'the configuration changed',
    )
  })
  const reload = async (): Promise<void> => {
    const { problems } = await store.reload()
    if (problems !== undefined) refuse(problems)
    await documents?.store.recheck()
    watchFiles()
  }
  const reloadFor = (failure: string): void => {
    reload().catch((err: unknown) => errorLog.error({ err }, failure))
  }
  secretsChanged = () => reloadFor('the changed secrets could not be put into force')
  const stopWatching = watchPluginFolders(settings.plugin_paths, () => reloadFor('the plugins could not be loaded'))

  const counters = SharedTable.createBuffer({ cells: 3 })
  const inFlight = SharedTable.createBuffer({ cells: control.count })
  const cacheBuffers = zoneBuffers(settings.proxy_cache.zones, control.count)
  Object.assign(control.shared, cacheBuffers)
  control.shared[SHARED_COUNTERS] = counters
  control.shared[SHARED_IN_FLIGHT] = inFlight
  const balancing = control.count > 1 ? SharedCounts.createBuffer({ workers: control.count }) : undefined
  if (balancing !== undefined) control.shared[SHARED_BALANCING] = balancing
  const balancingCounts = balancing && new SharedCounts(balancing, -1)
  const counterTable = new SharedTable(counters, CONTROL_INDEX)
  const inFlightTable = new SharedTable(inFlight, CONTROL_INDEX)
  const restarts = metrics.own.counter(METRICS.workerRestarts, {})
  let serving = 0
  const readiness = new Readiness(control)
  control.onWorkerStart((index, generation) => {
    control.shared[sharedMetrics(index)] = metrics.startWorker(index, generation)
    if (generation > 1) restarts.add(1)
    own.challenges.workerStarted(index)
    if (++serving >= control.count) own.workersStarted(control.generation)
  })
  control.onWorkerExit((index, generation) => {
    serving--
    own.challenges.workerEnded(index)
    counterTable.releaseLocksOf(index)
    inFlightTable.releaseLocksOf(index)
    forgetWorker(inFlightTable, index)
    balancingCounts?.forgetWorker(index)
    metrics.endWorker(index, generation)
  })
  control.onMessage((message, index) => {
    const { type, ...rest } = message as ToControl
    own.receive(message as ToControl, index)
    if (type === 'metrics-wanted') {
      control.send(index, { type: 'metrics-text', text: metrics.render() } satisfies ToWorker)
    }
    if (type === 'health') health.receive(message as HealthReport)
    if (type === 'series' && 'batch' in rest) metrics.receive(index, rest.generation, rest.batch)
  })

  const target = control.endpoints[METRICS_ENDPOINT]
  let server: MetricsServer | undefined
  if (target !== undefined) {
    const listening = new MetricsServer({
      target,
      render: () => metrics.render(),
      unready: () => readiness.missing,
    })
    server = listening
    // Until this process is ready, the one before it answers on the same socket; "not ready" from here would be wrong of the node.
    if (control.replaces) control.onServing(() => listening.listen())
    else await listening.listen()
  }

  const adminTarget = control.endpoints[ADMIN_ENDPOINT]
  if (adminTarget !== undefined && settings.admin !== undefined) {
    const { startAdmin } = await import('./node-admin.ts')
    admin = await startAdmin({
      settings: { ...settings, admin: settings.admin },
      file,
      target: adminTarget,
      ...(documents === undefined ? await readOnlyControl(snapshot, store) : { control: documents.control }),
      resources: () => resources,
      caches: new ZonePurges(settings.proxy_cache.zones, cacheBuffers),
      health: () => health.reports(),
      discovered: (type) => discovery.dump(type),
      plugins,
      reload,
      logger: errorLog,
    })
  }

  control.onReload(async () => {
    await Promise.all([secrets?.readAgain(), documents?.secrets.readAgain()])
    await reload()
  })
  control.onReopenLogs(() => {
    errorLog.reopen()
    admin?.reopen()
    broadcast({ type: 'reopen-logs' })
  })
  control.onDrain(async ({ last }) => {
    own.drain()
    // Who asks whether the node is ready is told until the end that it is not.
    await Promise.all([last ? undefined : server?.close(), admin?.close(), discovery.drain()])
    // The next process writes from now on.
    await documents?.store.close()
  })
  control.onStop(async () => {
    await Promise.all([server?.close(), flushLogs()])
    stopWatching()
    health.stop()
    await discovery.close()
    secrets?.close()
    own.stop()
    loader.close()
    await store.close()
    await documents?.store.close()
    metrics.stop()
  })
}

/** What a configuration file has can be read, and changed by editing it. */
async function readOnlyControl(
  snapshot: Snapshot,
  store: FileStore,
): Promise<{ control: ControlPlane; readOnly: string }> {
  const { FileControlPlane, FILE_IS_READ_ONLY } = await import('../admin/server/file-control-plane.ts')
  const readable = new FileControlPlane(snapshot)
  store.watch((change) => readable.apply(change))
  return { control: readable, readOnly: FILE_IS_READ_ONLY }
}

function warnOfCertificates(log: LazyErrorLog, ssls: Iterable<readonly [string, Ssl]>): void {
  for (const warning of certificateWarnings(ssls, Date.now())) log.warn({}, warning)
}

/** Series with these labels go with the resources that they name. */
const ROUTE_LABELS = [
  ['routes', 'route'],
  ['stream_routes', 'stream_route'],
] as const

/** The first configuration must be right: there is none to go on with. */
async function loadOrExplain(store: FileStore): ReturnType<FileStore['load']> {
  try {
    return await store.load()
  } catch (error) {
    if (error instanceof ConfigError)
      throw new Error(`${error.message}\n${renderProblems(error.problems)}`, { cause: error })
    throw error
  }
}

const copyOf = (resources: Awaited<ReturnType<FileStore['load']>>['resources']): MutableResourceSet =>
  Object.fromEntries(
    Object.entries(resources).map(([kind, items]) => [kind, new Map(items as Map<string, unknown>)]),
  ) as unknown as MutableResourceSet
