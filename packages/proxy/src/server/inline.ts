import type { Application, ListenerInfo, ListenTarget, ServingListener } from './application.ts'
import { ControlContextHolder } from './control-context.ts'
import type { GatewayPlan } from './gateway-process.ts'
import type { ListenAddress, NamedAddress } from './listen-address.ts'
import { exitStatusOf, onSignals } from './signals.ts'
import { WorkerContextHolder } from './worker-context.ts'
import { drainAll, makeApplications } from './worker-thread.ts'
import type { WorkerPlan } from './worker-thread.ts'

/** A server that runs in the calling thread. */
export interface RunningServer {
  /** In the order of the `listen()` calls, with the real ports. */
  readonly addresses: readonly ListenerInfo[]
  /** Resolves when the server has stopped, by `stop` or by a signal. */
  readonly stopped: Promise<void>
  /**
   * Stops accepting, waits for exchanges in flight up to `graceMs` milliseconds (default: the server's grace period), cuts
   * the rest. Returns how many were cut.
   */
  stop(graceMs?: number): Promise<number>
}

export interface InlinePlan extends WorkerPlan, Pick<GatewayPlan, 'hooks'> {
  readonly addresses: readonly ListenAddress[]
  readonly controlAddresses: readonly NamedAddress[]
  readonly graceMs: number
  /** Whether SIGTERM and SIGINT stop the server. */
  readonly signals: boolean
}

/** Everything in this process and thread: no supervisor, one worker, the control hooks beside it. */
export async function startInline(plan: InlinePlan): Promise<RunningServer> {
  // Before the worker exists a broadcast reaches nobody, as with threads: what is known by then belongs in workerData.
  let toWorker = (_message: unknown): void => {}
  const control = makeControl(plan, (message) => toWorker(message))
  for (const hook of plan.hooks) await hook(control.context)
  const worker = new WorkerContextHolder({
    index: 0,
    count: 1,
    generation: 1,
    data: control.context.workerData,
    shared: control.context.shared,
    // Not bound yet: an application made here learns its real port from `serve`.
    listeners: plan.addresses.map((address) => ({ key: address.key, address: describe(address) })),
    logger: plan.logger,
    post: (message) => deliver(message, (copy) => control.receive(copy, 0)),
  })
  toWorker = (message) => deliver(message, (copy) => worker.receive(copy))
  control.workerStarts(0, 1)
  const applications = await makeApplications(worker.context, plan)
  const serving: ServingListener[] = []
  try {
    for (const [i, { application, options }] of applications.entries()) {
      serving.push(await serve(application, plan.addresses[i], options))
    }
    for (const { application, target, options } of (await plan.own?.(worker.context)) ?? [])
      serving.push(await application.serve(target, options))
  } catch (error) {
    await drainAll(serving, 0)
    throw error
  }
  control.workerServes(0, 1)
  await control.run('serving')
  return runUntilStopped(plan, control, worker, serving)
}

function runUntilStopped(
  plan: InlinePlan,
  control: ControlContextHolder,
  worker: WorkerContextHolder,
  serving: readonly ServingListener[],
): RunningServer {
  let stopping: Promise<number> | undefined
  let resolveStopped!: () => void
  const stopped = new Promise<void>((resolve) => {
    resolveStopped = resolve
  })
  let removeSignals = (): void => {}
  const stopNow = async (graceMs: number): Promise<number> => {
    const drained = control.run('drain')
    const cut = await drainAll(serving, graceMs)
    await worker.stop()
    control.workerExited(0, 1)
    await drained
    await control.run('stop')
    removeSignals()
    resolveStopped()
    return cut
  }
  const stop = (graceMs = plan.graceMs): Promise<number> => (stopping ??= stopNow(graceMs))
  const bySignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (stopping !== undefined) process.exit(exitStatusOf(signal))
    stop().catch((error: unknown) => {
      plan.logger.error(`stopping failed: ${String(error)}`)
      process.exit(1)
    })
  }
  if (plan.signals) {
    removeSignals = onSignals({
      SIGTERM: () => bySignal('SIGTERM'),
      SIGINT: () => bySignal('SIGINT'),
      SIGHUP: () => void control.run('reload'),
      SIGUSR1: () => void control.run('reopenLogs'),
    })
  }
  const addresses = plan.addresses.map(({ key }, i) => ({ key, address: serving[i].address }))
  return { addresses, stopped, stop }
}

function makeControl(plan: InlinePlan, toWorker: (message: unknown) => void): ControlContextHolder {
  return new ControlContextHolder({
    count: 1,
    generation: 1,
    replaces: false,
    listeners: plan.addresses.map((address) => ({ key: address.key, address: describe(address) })),
    endpoints: Object.fromEntries(plan.controlAddresses.map(({ name, address }) => [name, targetOf(address)])),
    logger: plan.logger,
    broadcast: toWorker,
    send: (_index, message) => toWorker(message),
    inherited: {},
    keep: () => undefined,
    requestReplacement: (reason) => plan.logger.warn(`not replaced, for there is no supervisor: ${reason}`),
  })
}

/** Copies a message and delivers it later, so that code which works here also works across threads. */
function deliver(message: unknown, receive: (copy: unknown) => void): void {
  const copy: unknown = structuredClone(message)
  setImmediate(() => receive(copy))
}

async function serve(application: Application, address: ListenAddress, options: unknown): Promise<ServingListener> {
  try {
    return await application.serve(targetOf(address), options)
  } catch (error) {
    // No IPv6 on this machine: every address is then every IPv4 address.
    const code = (error as NodeJS.ErrnoException).code
    if (address.kind !== 'every' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error
    return application.serve({ host: '0.0.0.0', port: address.port }, options)
  }
}

function targetOf(address: ListenAddress): ListenTarget {
  if (address.kind === 'path') return { path: address.path }
  if (address.kind === 'every') return { host: '::', port: address.port }
  return { host: address.host, port: address.port, ...(address.host.includes(':') ? { ipv6Only: true } : {}) }
}

function describe(address: ListenAddress): ListenerInfo['address'] {
  if (address.kind === 'path') return address.path
  const host = address.kind === 'every' ? '::' : address.host
  return { address: host, port: address.port, family: host.includes(':') ? 'IPv6' : 'IPv4' }
}
