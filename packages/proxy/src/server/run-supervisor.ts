import { bindAddress } from './bind.ts'
import type { BoundListener } from './bind.ts'
import { formatAddress } from './application.ts'
import { launchGateway } from './gateway-child.ts'
import type { GatewayCommand } from './gateway-child.ts'
import type { ListenAddress, NamedAddress } from './listen-address.ts'
import type { ServerLogger } from './logger.ts'
import type { ReadyInfo } from './options.ts'
import { exitStatusOf, onSignals } from './signals.ts'
import { KILL_MARGIN_MS, Supervisor } from './supervisor.ts'
import type { AdoptedSockets } from './systemd/adopt-sockets.ts'
import { takeSystemdEnvironment, underSystemd } from './systemd/environment.ts'
import type { ServiceManager } from './systemd/service-manager.ts'

export interface SupervisorPlan extends Omit<GatewayCommand, 'listeners' | 'controlListeners'> {
  readonly addresses: readonly ListenAddress[]
  readonly controlAddresses: readonly NamedAddress[]
  readonly readyTimeoutMs: number
  readonly drainDelayMs: number
  readonly logger: ServerLogger
  readonly onReady: ((info: ReadyInfo) => void) | undefined
}

/**
 * The first process: binds, supervises, turns signals into orders. Resolves after a stop. Rejects with ListenError when
 * an address cannot be bound and GatewayStartError when the first gateway process never became ready; the exit status is
 * then 1, even if the caller swallows the error.
 */
export async function runSupervisor(plan: SupervisorPlan): Promise<void> {
  const bound: BoundListener[] = []
  const close = (): void => {
    for (const listener of bound.splice(0)) listener.close()
  }
  let removeSignals = (): void => {}
  let manager: ServiceManager | undefined
  try {
    const systemd = await readSystemd(plan.logger)
    manager = systemd?.manager
    const hold = async (address: ListenAddress): Promise<BoundListener> =>
      systemd?.sockets?.take(address) ?? (await bindAddress(address))
    for (const address of plan.addresses) bound.push(await hold(address))
    const listeners = bound.slice()
    for (const { name, address } of plan.controlAddresses) bound.push({ ...(await hold(address)), key: name })
    systemd?.sockets?.closeRest()
    const command: GatewayCommand = { ...plan, listeners, controlListeners: bound.slice(listeners.length) }
    const supervisor = new Supervisor({
      graceMs: plan.graceMs,
      readyTimeoutMs: plan.readyTimeoutMs,
      drainDelayMs: plan.drainDelayMs,
      logger: plan.logger,
      launch: (generation, events, kept, replaces) => launchGateway(command, generation, events, kept, replaces),
      onReady: (gateway, generation) => {
        manager?.ready(`serving: process ${gateway.pid}, generation ${generation}`)
        announce(plan, {
          // Without descriptors: what is told to the outside is no place to take them from.
          listeners: listeners.map(({ key, address }) => ({ key, address })),
          controlListeners: command.controlListeners.map(({ key, address }) => ({ key, address })),
          supervisorPid: process.pid,
          gatewayPid: gateway.pid,
          generation,
          workers: plan.workers,
        })
      },
      onSettled: () => manager?.settled(),
      closeListeners: close,
    })
    removeSignals = listenToSignals(supervisor, manager, plan.drainDelayMs + plan.graceMs + KILL_MARGIN_MS)
    supervisor.start()
    await supervisor.done
    await manager?.sent()
  } catch (error) {
    process.exitCode = 1
    throw error
  } finally {
    removeSignals()
    close()
  }
}

/** What systemd gave this process, if it started it. Loaded then alone. */
async function readSystemd(
  logger: ServerLogger,
): Promise<{ readonly sockets: AdoptedSockets | undefined; readonly manager: ServiceManager | undefined } | undefined> {
  if (!underSystemd(process.env)) return undefined
  const { found, problems } = takeSystemdEnvironment(process.env, process.pid)
  for (const problem of problems) logger.warn(problem)
  const { sockets, socketNames, notifySocket, watchdogUs } = found
  const { AdoptedSockets: Adopted } = await import('./systemd/adopt-sockets.ts')
  const { ServiceManager: Manager } = await import('./systemd/service-manager.ts')
  return {
    sockets: sockets === 0 ? undefined : new Adopted(sockets, socketNames, logger),
    manager: notifySocket === undefined ? undefined : new Manager({ notifySocket, watchdogUs, logger }),
  }
}

/** `stopMs`: how long a stop may take. */
function listenToSignals(supervisor: Supervisor, manager: ServiceManager | undefined, stopMs: number): () => void {
  let stopping = false
  const stop = (signal: 'SIGINT' | 'SIGTERM'): void => {
    // A stop that was not waited for is told by the exit status; a graceful one is a success.
    if (stopping) process.exitCode = exitStatusOf(signal)
    else manager?.stopping(stopMs)
    stopping = true
    supervisor.stop(signal)
  }
  return onSignals({
    SIGTERM: () => stop('SIGTERM'),
    SIGINT: () => stop('SIGINT'),
    SIGHUP: () => {
      manager?.reloading()
      supervisor.tell({ type: 'reload' })
    },
    SIGUSR1: () => supervisor.tell({ type: 'reopen-logs' }),
    SIGUSR2: () => supervisor.replace('SIGUSR2'),
  })
}

function announce(plan: SupervisorPlan, info: ReadyInfo): void {
  if (plan.onReady !== undefined) return plan.onReady(info)
  const addresses = info.listeners.map((listener) => formatAddress(listener.address)).join(', ')
  const threads = `${info.workers} worker${info.workers === 1 ? '' : 's'}`
  plan.logger.info(
    `ready on ${addresses}: gateway process ${info.gatewayPid} (generation ${info.generation}), ${threads}`,
  )
}
