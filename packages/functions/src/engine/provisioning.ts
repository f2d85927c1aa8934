import type { Timed } from '@sekisho/wire'
import type { ProvisionedState } from './engine.ts'
import type { EngineParts } from './engine-parts.ts'
import type { Environment } from './environment.ts'

/** After so many inits in a row that failed nobody tries on: the function is broken. */
const MAX_FAILURES = 3
/** Where there is no room, it is looked for again after this time. */
const ROOM_INTERVAL_MS = 1000

/** What provisioning asks of the pool. */
export interface ProvisioningHost {
  /** @returns undefined: there is no room */
  startProvisioned(): Environment | undefined
  /** No longer kept: ends when it is idle. */
  release(environment: Environment): void
}

/** Provisioned concurrency of one function version: keeps as many environments as were asked for. */
export class Provisioning implements Timed {
  /** Of `Deadlines`: when to look for room again. */
  deadline = 0
  readonly #host: ProvisioningHost
  readonly #parts: EngineParts
  readonly #environments = new Set<Environment>()
  readonly #starting = new Set<Environment>()
  #requested = 0
  #failures = 0
  #noRoom = false

  constructor(host: ProvisioningHost, parts: EngineParts) {
    this.#host = host
    this.#parts = parts
  }

  get requested(): number {
    return this.#requested
  }

  request(concurrency: number): void {
    this.#requested = concurrency
    this.#failures = 0
    for (const environment of this.#environments) {
      if (this.#environments.size <= concurrency) break
      this.#environments.delete(environment)
      this.#starting.delete(environment)
      this.#host.release(environment)
    }
    this.fill()
  }

  /** Starts what is missing. */
  fill(): void {
    this.#noRoom = false
    const { settings, clock, idleDeadlines } = this.#parts
    while (
      this.#failures < MAX_FAILURES &&
      this.#environments.size < this.#requested &&
      this.#starting.size < settings.provisionedStarts
    ) {
      const environment = this.#host.startProvisioned()
      if (environment === undefined) {
        this.#noRoom = true
        this.deadline = clock.now() + ROOM_INTERVAL_MS
        idleDeadlines.add(this)
        return
      }
      this.#environments.add(environment)
      this.#starting.add(environment)
    }
    this.deadline = 0
    idleDeadlines.remove(this)
  }

  onDeadline(): void {
    this.fill()
  }

  onReady(environment: Environment): void {
    if (this.#starting.delete(environment)) this.fill()
  }

  onInitFailed(environment: Environment): void {
    if (this.#starting.has(environment)) this.#failures++
  }

  onGone(environment: Environment): void {
    const started = this.#starting.delete(environment)
    if (!this.#environments.delete(environment)) return
    // One that dies while it waits for its first invocation is as broken as one that fails in init.
    if (environment.used) this.#failures = 0
    else if (!started) this.#failures++
    this.fill()
  }

  state(): ProvisionedState {
    const ready = this.#environments.size - this.#starting.size
    const failed = this.#failures >= MAX_FAILURES || (this.#noRoom && this.#starting.size === 0)
    return {
      requested: this.#requested,
      allocated: ready,
      available: ready,
      status: ready >= this.#requested ? 'READY' : failed ? 'FAILED' : 'IN_PROGRESS',
      reason:
        ready >= this.#requested || !failed
          ? undefined
          : this.#noRoom
            ? 'INSUFFICIENT_CAPACITY'
            : 'FUNCTION_ERROR_INIT_FAILURE',
    }
  }
}
