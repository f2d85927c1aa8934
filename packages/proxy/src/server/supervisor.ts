import { Backoff } from './backoff.ts'
import { monotonicMs } from './clock.ts'
import type { ServerLogger } from './logger.ts'
import type { SupervisorMessage } from './messages.ts'

/**
 * Upgraded processes that may still be draining. Each lives at most the grace period, but one held open by slow clients
 * through upgrade after upgrade would add up, and each is 60 MB or more: beyond this many the oldest is ended.
 */
export const MAX_DRAINING = 4
/**
 * Beyond the grace period, how long a process may take to end its threads (1 s) and to run its stop hooks (5 s) before it
 * is killed: it is then stuck in a loop and would never notice.
 */
export const KILL_MARGIN_MS = 10_000
/** Characters that a process may leave for the next one, all names together. The supervisor stays small. */
export const MAX_KEPT_LENGTH = 1_048_576

/** One gateway process, as the supervisor sees it. */
export interface GatewayProcess {
  readonly pid: number
  send(message: SupervisorMessage): void
  /** SIGKILL. */
  kill(): void
}

export interface GatewayEvents {
  ready(): void
  /** A reload is over. */
  reloaded(): void
  replace(reason: string): void
  /** Something for the process that follows. */
  keep(name: string, value: string): void
  /** Called once, and last. `how` completes "the gateway process ...". */
  exited(how: string): void
}

export interface SupervisorOptions {
  readonly graceMs: number
  readonly readyTimeoutMs: number
  /** How long a stop goes on accepting before it drains. Default 0. */
  readonly drainDelayMs?: number
  readonly logger: ServerLogger
  /** `kept`: what the process before it left. `replaces`: another one serves until this one is ready. */
  launch(
    generation: number,
    events: GatewayEvents,
    kept: Readonly<Record<string, string>>,
    replaces: boolean,
  ): GatewayProcess
  /** A process serves in the place of the one before. */
  onReady(process: GatewayProcess, generation: number): void
  /** What was ordered, a reload or a replacement, is over, well or not, and a process serves. */
  onSettled?(): void
  /** Called when draining begins, so that the kernel refuses new connections. */
  closeListeners(): void
}

interface Member {
  readonly generation: number
  readonly process: GatewayProcess
  /** When it became ready, on the clock of `monotonicMs`. */
  readyAt: number
  /** Until ready: the ready timeout. When draining: what kills it after the grace period. */
  timer: NodeJS.Timeout | undefined
  /** What it left for the process that follows. */
  kept: Readonly<Record<string, string>>
}

/** The first gateway process ended, or did not become ready: there is nothing to go on with. */
export class GatewayStartError extends Error {
  override readonly name = 'GatewayStartError'
}

/**
 * Keeps one gateway process serving on sockets that outlive it.
 *
 * ```
 *   launch -> next --ready--> current --a newer one is ready, or stop--> draining -> gone
 *              |                 |
 *              | ends            | ends
 *              v                 v
 *      current goes on,    next, if there is one, takes over when ready;
 *      or back-off         else a new one is launched (back-off)
 * ```
 */
export class Supervisor {
  /** Resolves after a stop, when no process is left. Rejects with GatewayStartError. */
  readonly done: Promise<void>
  readonly #options: SupervisorOptions
  readonly #backoff = new Backoff()
  readonly #draining = new Set<Member>()
  #current: Member | undefined
  #next: Member | undefined
  #generation = 0
  #everReady = false
  #stopping = false
  /** A replacement was asked for while one was under way: what that one read when it started may be out of date. */
  #again = false
  #restartTimer: NodeJS.Timeout | undefined
  /** Between the order to stop and the drain. */
  #delayTimer: NodeJS.Timeout | undefined
  #kept: Readonly<Record<string, string>> = {}
  #resolve!: () => void
  #reject!: (error: Error) => void

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  start(): void {
    this.#launch()
  }

  /** Brings up a new process; the old one drains once the new one is ready, and goes on when it never is. */
  replace(reason: string): void {
    if (this.#stopping) return
    if (this.#next !== undefined) {
      this.#again = true
      return
    }
    this.#options.logger.info(`replacing the gateway process: ${reason}`)
    clearTimeout(this.#restartTimer)
    this.#launch()
  }

  /** Passes a message to the process that serves, and to one that is warming up, which may have read the old state. */
  tell(message: SupervisorMessage): void {
    this.#current?.process.send(message)
    this.#next?.process.send(message)
  }

  /** Drains and ends everything, after the drain delay; the second call kills what is left. */
  stop(reason: string): void {
    const members = this.#members()
    if (this.#stopping) {
      this.#options.logger.warn(`${reason} again: stopping at once`)
      for (const member of members) member.process.kill()
      return
    }
    this.#stopping = true
    clearTimeout(this.#restartTimer)
    const { logger, graceMs, drainDelayMs = 0 } = this.#options
    if (drainDelayMs === 0 || this.#current === undefined) {
      logger.info(`${reason}: stopping, up to ${graceMs} ms for requests in flight`)
      this.#drainAll()
      return
    }
    logger.info(
      `${reason}: stopping; not ready from now on, accepting for ${drainDelayMs} ms more, then up to ${graceMs} ms for requests in flight`,
    )
    this.#current.process.send({ type: 'unready' })
    this.#delayTimer = setTimeout(() => this.#drainAll(), drainDelayMs)
  }

  #drainAll(): void {
    this.#delayTimer = undefined
    this.#options.closeListeners()
    for (const member of this.#members()) if (!this.#draining.has(member)) this.#endGracefully(member, true)
    this.#finishIfEmpty()
  }

  #launch(): void {
    this.#again = false
    const generation = ++this.#generation
    const events: GatewayEvents = {
      ready: () => this.#onReady(member),
      reloaded: () => {
        if (member === this.#current) this.#options.onSettled?.()
      },
      replace: (reason) => this.#onReplace(member, reason),
      keep: (name, value) => this.#onKeep(member, name, value),
      exited: (how) => this.#onExit(member, how),
    }
    const process = this.#options.launch(generation, events, this.#kept, this.#current !== undefined)
    const timer = setTimeout(() => {
      this.#options.logger.error(
        `gateway process ${process.pid} was not ready within ${this.#options.readyTimeoutMs} ms`,
      )
      process.kill()
    }, this.#options.readyTimeoutMs)
    const member: Member = { generation, process, readyAt: -1, timer, kept: {} }
    this.#next = member
  }

  #onReady(member: Member): void {
    if (this.#stopping || member !== this.#next) return
    clearTimeout(member.timer)
    member.readyAt = monotonicMs()
    const previous = this.#current
    this.#current = member
    this.#next = undefined
    this.#kept = member.kept = { ...this.#kept, ...member.kept }
    this.#everReady = true
    this.#options.onReady(member.process, member.generation)
    this.#options.onSettled?.()
    if (previous !== undefined) this.#drain(previous)
    this.#replaceAgain()
  }

  #replaceAgain(): void {
    if (this.#again) this.replace('it was asked for again while the last replacement was under way')
  }

  #onReplace(member: Member, reason: string): void {
    // A draining process has been replaced already.
    if (member === this.#current || member === this.#next) this.replace(reason)
  }

  #onKeep(member: Member, name: string, value: string): void {
    // One that is warming up knows less than the one that serves, until it is ready; one that drains, no longer what is so.
    if (member === this.#next) this.#keepOf(member, { ...member.kept, [name]: value })
    if (member !== this.#current) return
    this.#kept = this.#keepOf(member, { ...this.#kept, [name]: value })
    // One that is warming up may not have looked yet.
    this.#next?.process.send({ type: 'kept', values: { [name]: value } })
  }

  /** What is kept of a process from now on: this, unless it is too much. */
  #keepOf(member: Member, kept: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const length = Object.values(kept).reduce((sum, text) => sum + text.length, 0)
    if (length <= MAX_KEPT_LENGTH) member.kept = kept
    else this.#options.logger.warn(`gateway process ${member.process.pid} wants ${length} characters kept: too many`)
    return member.kept
  }

  #drain(member: Member): void {
    this.#draining.add(member)
    this.#endGracefully(member)
    if (this.#draining.size <= MAX_DRAINING) return
    const [oldest] = this.#draining
    this.#options.logger.warn(
      `${this.#draining.size} gateway processes are draining: ending the oldest, ${oldest.process.pid}`,
    )
    oldest.process.kill()
  }

  #endGracefully(member: Member, last = false): void {
    clearTimeout(member.timer)
    member.process.send({ type: 'stop', graceMs: this.#options.graceMs, ...(last ? { last } : {}) })
    member.timer = setTimeout(() => {
      this.#options.logger.error(`gateway process ${member.process.pid} did not end in time: killing it`)
      member.process.kill()
    }, this.#options.graceMs + KILL_MARGIN_MS)
  }

  #onExit(member: Member, how: string): void {
    clearTimeout(member.timer)
    const what = `gateway process ${member.process.pid} ${how}`
    if (this.#draining.delete(member)) {
      this.#options.logger.info(`the drained ${what}`)
    } else if (member === this.#next) {
      this.#next = undefined
      if (!this.#stopping) this.#onFailedStart(what)
    } else if (member === this.#current) {
      this.#current = undefined
      if (!this.#stopping) this.#onDeath(member, what)
    }
    this.#finishIfEmpty()
  }

  #onFailedStart(what: string): void {
    const { logger } = this.#options
    if (!this.#everReady) {
      this.#stopping = true
      this.#options.closeListeners()
      this.#reject(new GatewayStartError(`${what} before it was ready`))
      return
    }
    if (this.#current === undefined) return this.#restart(0, what)
    logger.error(`${what} before it was ready: gateway process ${this.#current.process.pid} goes on`)
    this.#options.onSettled?.()
    this.#replaceAgain()
  }

  #onDeath(member: Member, what: string): void {
    if (this.#next !== undefined) {
      this.#options.logger.error(`${what}: gateway process ${this.#next.process.pid} takes over when it is ready`)
      return
    }
    this.#restart(monotonicMs() - member.readyAt, what)
  }

  #restart(uptimeMs: number, what: string): void {
    const delayMs = this.#backoff.next(uptimeMs)
    this.#options.logger.error(`${what}: starting a new one ${delayMs === 0 ? 'at once' : `in ${delayMs} ms`}`)
    if (delayMs === 0) this.#launch()
    else this.#restartTimer = setTimeout(() => this.#launch(), delayMs)
  }

  #members(): Member[] {
    return [this.#current, this.#next, ...this.#draining].filter((member) => member !== undefined)
  }

  #finishIfEmpty(): void {
    // After a rejection this has no effect any more: a promise settles once.
    if (!this.#stopping || this.#members().length > 0) return
    if (this.#delayTimer !== undefined) {
      clearTimeout(this.#delayTimer)
      this.#options.closeListeners()
    }
    this.#resolve()
  }
}
