import { readFile } from 'node:fs/promises'
import { Server, SharedCounts, SharedTable, type Application, type WorkerContext } from '@sekisho/proxy'
import { trustExpressions } from '../expressions/index.ts'
import { WorkerHealth } from '../health/worker-health.ts'
import { GatewayWorker } from '../gateway/gateway-worker.ts'
import { MetricsQuestion } from '../observability/metrics/metrics-question.ts'
import { WorkerMetrics } from '../observability/metrics/worker-metrics.ts'
import { PluginRegistry } from '../plugins/plugin-registry.ts'
import { snapshotOperations } from '../store/snapshot-operations.ts'
import { ErrorLogShipping } from './error-log-shipping.ts'
import { lazyErrorLog } from './lazy-error-log.ts'
import { listenerOf } from './listener-of.ts'
import {
  SHARED_BALANCING,
  SHARED_COUNTERS,
  SHARED_IN_FLIGHT,
  sharedMetrics,
  type ToControl,
  type ToWorker,
  type WorkerStart,
} from './messages.ts'
import { udpListeners } from './udp-listeners.ts'
import { importPlugin } from './user-plugin.ts'

/** A worker thread: makes the data plane from the snapshot it was started with, then follows the control thread's changes. */
async function startWorker(worker: WorkerContext): Promise<GatewayWorker> {
  trustExpressions()
  const start = worker.data as WorkerStart
  const post = (message: ToControl): void => worker.post(message)
  const logger = lazyErrorLog(start.settings.error_log, { worker: worker.index })
  const plugins = new PluginRegistry()
  const own = new Map<string, string>()
  for (const [file, code] of start.plugins) {
    const definition = await importPlugin(file, code)
    own.set(file, definition.name)
    plugins.set(definition)
  }
  const metrics = new WorkerMetrics(worker.shared[sharedMetrics(worker.index)], (batch) =>
    post({ type: 'series', generation: worker.generation, batch }),
  )
  const question = new MetricsQuestion(() => post({ type: 'metrics-wanted' }))
  const balancing: SharedArrayBuffer | undefined = worker.shared[SHARED_BALANCING]
  const gateway = new GatewayWorker({
    settings: start.settings,
    workerIndex: worker.index,
    plugins,
    metrics,
    health: new WorkerHealth(start.health, post),
    logger,
    counters: new SharedTable(worker.shared[SHARED_COUNTERS], worker.index),
    inFlight: new SharedTable(worker.shared[SHARED_IN_FLIGHT], worker.index),
    balancing: balancing && new SharedCounts(balancing, worker.index),
    caches: worker.shared,
    renderMetrics: () => question.ask(),
  })
  let { revision } = start
  gateway.table.ssls.useTicketKeys(start.ticketKeys)
  for (const [token, answer] of start.challenges) gateway.challenges.set(token, answer)
  for (const [key, nodes] of start.discovered) gateway.table.upstreams.setDiscovered(key, nodes)
  const bindings = { worker: worker.index }
  const shipping = new ErrorLogShipping({ log: logger, settings: start.settings, bindings, metrics })
  shipping.set(start.resources.plugin_metadata.get('error-log-logger'))
  await gateway.apply(snapshotOperations(start.resources))

  const receive = async (message: ToWorker): Promise<void> => {
    switch (message.type) {
      case 'change':
        // A change may be in the snapshot already: it was made while this thread was being started.
        if (message.revision <= revision) return
        revision = message.revision
        shipping.apply(message.operations)
        await gateway.apply(message.operations)
        post({ type: 'applied', revision: message.revision })
        return
      case 'plugin':
        await changePlugin(message.name, message.code)
        return
      case 'reopen-logs':
        gateway.reopenLogs()
        logger.reopen()
        return
      case 'ticket-keys':
        gateway.table.ssls.useTicketKeys(message.keys)
        return
      case 'certificates':
        await gateway.apply(message.operations)
        return
      case 'challenge':
        gateway.challenges.set(message.token, message.answer)
        post({ type: 'challenge-known', sequence: message.sequence })
        return
      case 'discovered':
        gateway.table.upstreams.setDiscovered(message.key, message.nodes)
        return
      case 'health-board':
      case 'health-changed':
        gateway.receiveHealth(message)
        return
      case 'metrics-text':
        question.answer(message.text)
        return
      case 'forget':
        metrics.forget(message.label, message.values)
    }
  }

  const changePlugin = async (file: string, code: string | undefined): Promise<void> => {
    const before = own.get(file)
    const definition = code === undefined ? undefined : await importPlugin(file, code)
    if (before !== undefined) {
      plugins.remove(before)
      own.delete(file)
      await plugins.load([before])
      gateway.table.reloadPlugin(before)
    }
    if (definition === undefined) return
    plugins.set(definition)
    own.set(file, definition.name)
    gateway.table.reloadPlugin(definition.name)
  }

  // In order: a change may need the plugin that the message before it brought.
  let last: Promise<void> = Promise.resolve()
  worker.onMessage((message) => {
    last = last
      .then(() => receive(message as ToWorker))
      .catch((err: unknown) => logger.error({ err }, 'a change could not be applied'))
  })
  worker.onStop(() => gateway.stop())
  return gateway
}

let gateway: Promise<GatewayWorker> | undefined

await new Server()
  .listenInherited(async (worker, listener) => {
    const { proxy, streams, table } = await (gateway ??= startWorker(worker))
    const { listen } = (worker.data as WorkerStart).settings
    const here = listenerOf(listen, listener.key)
    const stream = here?.protocol === 'tcp'
    const application: Application = stream ? streams : proxy
    const proxyProtocol = here?.proxyProtocol
    if (here?.passthrough === true)
      return { serve: (target) => streams.serve(target, { tls: 'passthrough', proxyProtocol }) }
    const http2 = here?.http2 ?? true
    if (here?.tls === undefined) return { serve: (target) => application.serve(target, { http2, proxyProtocol }) }
    const { certificate } = here.tls
    const fallback =
      certificate === undefined
        ? undefined
        : { cert: await readFile(certificate.cert, 'utf8'), key: await readFile(certificate.key, 'utf8') }
    const chosen = table.ssls.listener({ name: listener.key, http2, stream, fallback })
    return { serve: (target) => application.serve(target, { tls: chosen, http2, proxyProtocol }) }
  })
  .listenOwn(async (worker) => {
    const { listen } = (worker.data as WorkerStart).settings
    if (listen.every(({ protocol }) => protocol !== 'udp')) return []
    const { streams } = await (gateway ??= startWorker(worker))
    return udpListeners(listen, streams, worker)
  })
  .run()
