import { Worker } from 'node:worker_threads'
import type { ResourceLimits } from 'node:worker_threads'
import type { ListenTarget } from './application.ts'
import { ControlContextHolder } from './control-context.ts'
import type { ControlContext } from './control-context.ts'
import { DescriptorPool } from './descriptors.ts'
import { describeFailure } from './logger.ts'
import type { ServerLogger } from './logger.ts'
import { readSupervisorMessage, wrap } from './messages.ts'
import type { GatewayMessage } from './messages.ts'
import type { GatewayAssignment, WorkerAssignment, WorkerData } from './roles.ts'
import { onSignals } from './signals.ts'
import { WorkerPool } from './worker-pool.ts'

/** How long the stop hooks of the control thread may take together: the log is flushed by then, or never will be. */
export const STOP_HOOKS_MS = 5000

export interface GatewayPlan {
  readonly hooks: readonly ((control: ControlContext) => void | Promise<void>)[]
  /** What the worker threads run: a path or a file URL. */
  readonly workerScript: string | URL
  readonly workerLimits: ResourceLimits | undefined
  readonly logger: ServerLogger
}

/** The main thread of the gateway process. Resolves when it has drained; the process ends right after. */
export function runGatewayProcess(assignment: GatewayAssignment, plan: GatewayPlan): Promise<void> {
  return new GatewayControl(assignment, plan).run()
}

class GatewayControl {
  readonly #assignment: GatewayAssignment
  readonly #plan: GatewayPlan
  readonly #control: ControlContextHolder
  readonly #descriptors: DescriptorPool
  readonly #workers: WorkerPool
  readonly #inherited: Record<string, string> = {}
  #stopping = false
  #resolve!: () => void

  constructor(assignment: GatewayAssignment, plan: GatewayPlan) {
    this.#assignment = assignment
    this.#plan = plan
    this.#descriptors = new DescriptorPool(assignment.listeners)
    this.#workers = new WorkerPool({
      count: assignment.workers,
      logger: plan.logger,
      createWorker: (index, generation) => this.#createWorker(index, generation),
      message: (message, index) => this.#control.receive(message, index),
      serving: (slot) => this.#control.workerServes(slot.index, slot.generation),
      exited: (slot) => this.#control.workerExited(slot.index, slot.generation),
      exhausted: () => this.#requestReplacement('worker threads died until the spare descriptors were used up'),
      dead: () => this.#fail('no worker is left'),
    })
    this.#control = new ControlContextHolder({
      count: assignment.workers,
      generation: assignment.generation,
      replaces: assignment.replaces === true,
      listeners: assignment.listeners.map(({ key, address }) => ({ key, address })),
      endpoints: Object.fromEntries(
        assignment.controlListeners.map(({ key, firstFd }): [string, ListenTarget] => [key, { fd: firstFd }]),
      ),
      logger: plan.logger,
      broadcast: (message) => this.#workers.broadcast(message),
      send: (index, message) => this.#workers.send(index, message),
      inherited: this.#inherited,
      keep: (name, value) => this.#send({ type: 'keep', name, value }),
      requestReplacement: (reason) => this.#requestReplacement(reason),
    })
  }

  async run(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#resolve = resolve
    })
    this.#handleSignals()
    process.on('disconnect', () => void this.#stop(this.#assignment.graceMs, true, 'the supervisor is gone'))
    // It may have died before the line above; then there will be no event.
    if (!process.connected) process.exit(1)
    // Orders are obeyed from the start on, except those that need what the hooks set up: those wait for it.
    const early: (() => void)[] = []
    let dispatch = (order: () => void): void => void early.push(order)
    let received = (): void => undefined
    const inherited = new Promise<void>((resolve) => (received = resolve))
    process.on('message', (value) => {
      const message = readSupervisorMessage(value)
      if (message?.type === 'kept') {
        Object.assign(this.#inherited, message.values)
        received()
      } else if (message?.type === 'stop') void this.#stop(message.graceMs, message.last === true, 'told to stop')
      else if (message?.type === 'unready') dispatch(() => void this.#control.run('unready'))
      else if (message?.type === 'reload') dispatch(() => this.#reload())
      else if (message?.type === 'reopen-logs') dispatch(() => void this.#control.run('reopenLogs'))
    })
    try {
      if (this.#assignment.inherits === true) await inherited
      for (const hook of this.#plan.hooks) await hook(this.#control.context)
      if (!this.#stopping) await this.#workers.start()
      if (!this.#stopping) await this.#control.run('serving')
    } catch (error) {
      if (!this.#stopping) this.#fail(`cannot start: ${describeFailure(error)}`)
    }
    if (!this.#stopping) {
      this.#send({ type: 'ready' })
      dispatch = (order) => order()
      for (const order of early) order()
    }
    await stopped
  }

  #createWorker(index: number, generation: number): { worker: Worker; release: () => void } | undefined {
    const fds = this.#descriptors.take()
    if (fds === undefined) return undefined
    const { shared, workerData, listeners } = this.#control.context
    const assignment: WorkerAssignment = {
      index,
      count: this.#assignment.workers,
      generation,
      data: workerData,
      shared,
      listeners: listeners.map((listener, i) => ({ ...listener, fd: fds[i] })),
    }
    this.#control.workerStarts(index, generation)
    const data: WorkerData = { sekishoWorker: assignment }
    const worker = new Worker(this.#plan.workerScript, {
      workerData: data,
      argv: process.argv.slice(2),
      ...(this.#plan.workerLimits === undefined ? {} : { resourceLimits: this.#plan.workerLimits }),
    })
    // The last set is in use: ask now, while every worker is alive, not when the next one dies.
    if (this.#descriptors.remaining === 0) this.#requestReplacement('the last spare descriptors are in use')
    return { worker, release: () => this.#release(fds) }
  }

  #release(fds: readonly number[]): void {
    this.#descriptors.giveBack(fds)
    if (this.#stopping) this.#descriptors.close()
  }

  #reload(): void {
    if (!this.#control.handlesReload) this.#requestReplacement('SIGHUP')
    else void this.#control.run('reload').then(() => this.#send({ type: 'reloaded' }))
  }

  #requestReplacement(reason: string): void {
    if (!this.#stopping) this.#send({ type: 'replace', reason })
  }

  /**
   * Signals belong to the supervisor. A terminal sends SIGINT and SIGHUP to the whole group, systemd SIGTERM to the whole unit:
   * the supervisor then says what is to be done. SIGTERM to this process alone ends it without a gap: another takes over.
   */
  #handleSignals(): void {
    onSignals({
      SIGINT: () => {},
      SIGHUP: () => {},
      SIGUSR2: () => {},
      SIGUSR1: () => void this.#control.run('reopenLogs'),
      SIGTERM: () => this.#requestReplacement('SIGTERM to the gateway process'),
    })
  }

  async #stop(graceMs: number, last: boolean, why: string): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    this.#descriptors.close()
    const drained = this.#control.run('drain', { last })
    const cut = await this.#workers.stop(graceMs)
    await drained
    if (cut > 0) this.#plan.logger.warn(`${why}: cut ${cut} exchanges that were not done within ${graceMs} ms`)
    const limit = setTimeout(() => this.#fail(`the stop hooks took more than ${STOP_HOOKS_MS} ms`), STOP_HOOKS_MS)
    await this.#control.run('stop')
    clearTimeout(limit)
    this.#resolve()
    // Not left to the event loop: a timer or socket that the program forgot would keep a drained process alive.
    setImmediate(() => process.exit())
  }

  #fail(message: string): never {
    this.#plan.logger.error(message)
    process.exit(1)
  }

  #send(message: GatewayMessage): void {
    if (process.connected) process.send!(wrap(message), () => {})
  }
}
