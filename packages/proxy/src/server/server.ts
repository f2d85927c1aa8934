import { pathToFileURL } from 'node:url'
import type { Application } from './application.ts'
import type { ControlContext } from './control-context.ts'
import type { InlinePlan, RunningServer } from './inline.ts'
import { parseListenAddress } from './listen-address.ts'
import type { ListenAddress, ListenInput, NamedAddress } from './listen-address.ts'
import { stderrLogger } from './logger.ts'
import type { ServerLogger } from './logger.ts'
import { countWorkers, DEFAULT_GRACE_PERIOD_MS, DEFAULT_READY_TIMEOUT_MS, SPARE_DESCRIPTORS } from './options.ts'
import type { ServerOptions } from './options.ts'
import { currentRole } from './roles.ts'
import type { GatewayAssignment } from './roles.ts'
import type { ApplicationFactory, Mount, OwnListeners } from './worker-thread.ts'

type ControlHook = (control: ControlContext) => void | Promise<void>

/**
 * Serves applications on listeners, with a supervisor, a gateway process and worker threads.
 *
 * The script that calls `run()` runs in each of them, as with node:cluster: in the first process `run()` supervises, in
 * the process that this one starts it controls, and in that one's threads it makes the applications and serves. Signals to the
 * first process: SIGTERM and SIGINT drain and stop (a second one stops at once), SIGHUP reloads, SIGUSR2 upgrades in place, SIGUSR1
 * reopens logs.
 */
export class Server {
  readonly #options: ServerOptions
  readonly #logger: ServerLogger
  readonly #graceMs: number
  readonly #addresses: ListenAddress[] = []
  readonly #controlAddresses: NamedAddress[] = []
  readonly #mounts: Mount[] = []
  readonly #hooks: ControlHook[] = []
  #fallback: Application | ApplicationFactory | undefined
  #own: OwnListeners | undefined
  #mayBeEmpty = false
  #running = false

  constructor(options: ServerOptions = {}) {
    this.#options = options
    this.#logger = options.logger ?? stderrLogger
    this.#graceMs = options.gracePeriodMs ?? DEFAULT_GRACE_PERIOD_MS
  }

  /**
   * Adds a listener: `8080` for every address, `'127.0.0.1:6188'`, `'[::1]:80'`, `'unix:/run/x.sock'`, or an object with
   * `options` for the application. `application` is one, or a function that makes one in each worker (and in no other
   * process); it is left out where another module serves (`gatewayModule`, `workerModule`). Throws TypeError for a bad address.
   */
  listen(input: ListenInput, application?: Application | ApplicationFactory): this {
    const address = this.#unique(parseListenAddress(input))
    this.#addresses.push(address)
    const options = typeof input === 'object' ? input.options : undefined
    if (application !== undefined) this.#mounts.push({ key: address.key, application, options })
    return this
  }

  /** In a worker module: serves every listener that the supervisor bound and `listen` does not name here. */
  listenInherited(application: Application | ApplicationFactory): this {
    this.#fallback = application
    return this
  }

  /**
   * In a worker: serves listeners that it binds itself, as those for UDP. The supervisor knows nothing of them, so it need not hold any
   * other either, when told so by `withoutListeners`.
   */
  listenOwn(listeners: OwnListeners): this {
    this.#own = listeners
    return this
  }

  /** In the supervisor: the workers bind all that they listen on themselves (`listenOwn`). */
  withoutListeners(): this {
    this.#mayBeEmpty = true
    return this
  }

  /**
   * Binds an address for the control thread, which finds it as `control.endpoints[name]`. A server of the control thread
   * that bound its address itself would be in the way of its successor during an upgrade.
   */
  listenOnControl(name: string, input: ListenInput): this {
    if (this.#controlAddresses.some((each) => each.name === name)) {
      throw new TypeError(`the control thread listens on "${name}" already`)
    }
    this.#controlAddresses.push({ name, address: parseListenAddress(input) })
    return this
  }

  /** Adds what runs in the gateway process's main thread before the workers start. When it throws, the process does not start. */
  control(hook: ControlHook): this {
    this.#hooks.push(hook)
    return this
  }

  /**
   * Runs the part that this process or thread plays, until the server has stopped. With `inline`: everything in this
   * thread; resolves when it serves, SIGTERM and SIGINT stop it.
   * Rejects with ListenError or GatewayStartError in the supervisor.
   */
  run(options: { readonly inline: true }): Promise<RunningServer>
  run(): Promise<void>
  async run(options?: { readonly inline: true }): Promise<RunningServer | void> {
    if (options?.inline === true) return this.#startInline(true)
    this.#claim()
    const role = currentRole()
    if (role.kind === 'gateway') return this.#runGateway(role.assignment)
    if (role.kind === 'supervisor') return this.#supervise()
    const { runWorkerThread } = await import('./worker-thread.ts')
    return runWorkerThread(role.assignment, {
      mounts: this.#mounts,
      fallback: this.#fallback,
      own: this.#own,
      logger: this.#logger,
    })
  }

  /** Everything in this process and thread, and no signal is touched: for tests and for programs that have a life of their own. */
  start(): Promise<RunningServer> {
    return this.#startInline(false)
  }

  // Each part imports its own code: the supervisor lives long and has to be small.

  async #supervise(): Promise<void> {
    const { gatewayModule, workerModule, nodeFlags = [] } = this.#options
    const { isMainThread } = await import('node:worker_threads')
    if (!isMainThread) throw new Error('run() was called in a thread that the server did not start: use start() there')
    this.#requireListeners()
    const { fileURLToPath } = await import('node:url')
    const script = gatewayModule === undefined ? process.argv[1] : fileURLToPath(gatewayModule)
    if (script === undefined) {
      throw new Error(
        'run() starts this script again in other processes, and there is none (node -e, or a prompt): use start()',
      )
    }
    const { runSupervisor } = await import('./run-supervisor.ts')
    return runSupervisor({
      script,
      workerModule,
      flags: [...process.execArgv, ...nodeFlags],
      args: process.argv.slice(2),
      workers: countWorkers(this.#options.workers),
      spareDescriptors: this.#options.spareDescriptors ?? SPARE_DESCRIPTORS,
      graceMs: this.#graceMs,
      readyTimeoutMs: this.#options.readyTimeoutMs ?? DEFAULT_READY_TIMEOUT_MS,
      drainDelayMs: this.#options.drainDelayMs ?? 0,
      addresses: this.#addresses,
      controlAddresses: this.#controlAddresses,
      logger: this.#logger,
      onReady: this.#options.onReady,
    })
  }

  async #runGateway(assignment: GatewayAssignment): Promise<void> {
    const { runGatewayProcess } = await import('./gateway-process.ts')
    const given = assignment.workerModule === undefined ? undefined : new URL(assignment.workerModule)
    return runGatewayProcess(assignment, {
      hooks: this.#hooks,
      workerScript: this.#options.workerModule ?? given ?? pathToFileURL(process.argv[1]),
      workerLimits: this.#options.workerLimits,
      logger: this.#logger,
    })
  }

  async #startInline(signals: boolean): Promise<RunningServer> {
    this.#claim()
    this.#requireListeners()
    const { startInline } = await import('./inline.ts')
    const plan: InlinePlan = {
      addresses: this.#addresses,
      controlAddresses: this.#controlAddresses,
      mounts: this.#mounts,
      fallback: this.#fallback,
      own: this.#own,
      hooks: this.#hooks,
      graceMs: this.#graceMs,
      logger: this.#logger,
      signals,
    }
    return startInline(plan)
  }

  /** Port 0 may be asked for twice, each time for another port; then the second key gets a number. */
  #unique(address: ListenAddress): ListenAddress {
    const same = this.#addresses.filter(
      (each) => each.key === address.key || each.key.startsWith(`${address.key}#`),
    ).length
    if (same === 0) return address
    if (address.kind === 'path' || address.port !== 0)
      throw new TypeError(`listen() was called twice for ${address.key}`)
    return { ...address, key: `${address.key}#${same + 1}` }
  }

  #requireListeners(): void {
    if (this.#addresses.length === 0 && !this.#mayBeEmpty)
      throw new Error('there is nothing to listen on: call listen() before run()')
  }

  #claim(): void {
    if (this.#running) throw new Error('this server runs already')
    this.#running = true
  }
}
