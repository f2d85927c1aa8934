import type { ServerLogger } from './logger.ts'
import { WorkerSlot } from './worker-slot.ts'
import type { WorkerSlotOptions } from './worker-slot.ts'

export interface WorkerPoolOptions extends Pick<WorkerSlotOptions, 'createWorker' | 'message' | 'serving' | 'exited'> {
  readonly count: number
  readonly logger: ServerLogger
  /** No descriptors are left for a worker that must be restarted. */
  exhausted(): void
  /** No worker is left, and none can be started. */
  dead(): void
}

/** All workers of a gateway process: started together, kept alive one by one, stopped together. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #slots: WorkerSlot[]
  #phase: 'starting' | 'running' | 'stopping' = 'starting'
  #awaited = 0
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    const slotOptions: WorkerSlotOptions = {
      createWorker: (index, generation) => options.createWorker(index, generation),
      message: (message, index) => options.message(message, index),
      exited: (slot) => options.exited(slot),
      prepared: (slot) => this.#onPrepared(slot),
      serving: (slot) => {
        options.serving(slot)
        this.#onServing()
      },
      died: (slot, how, uptimeMs) => this.#onDeath(slot, how, uptimeMs),
    }
    this.#slots = Array.from({ length: options.count }, (_, index) => new WorkerSlot(index, slotOptions))
  }

  /**
   * Resolves when every worker serves. No worker accepts before all of them are prepared: until then the process can fail
   * without having cost anyone a connection. Rejects with the error of the first worker that fails.
   */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#awaited = this.#slots.length
      for (const slot of this.#slots) slot.start()
    })
  }

  broadcast(message: unknown): void {
    for (const slot of this.#slots) slot.send({ type: 'user', message })
  }

  send(index: number, message: unknown): void {
    const slot = this.#slots[index]
    if (slot === undefined) throw new RangeError(`there is no worker ${index}: there are ${this.#slots.length}`)
    slot.send({ type: 'user', message })
  }

  /** Resolves when no thread is left, with the number of connections that were cut. */
  async stop(graceMs: number): Promise<number> {
    this.#phase = 'stopping'
    this.#settle?.reject(new Error('stopped before every worker served'))
    const cuts = await Promise.all(this.#slots.map((slot) => slot.stop(graceMs)))
    return cuts.reduce((sum, cut) => sum + cut, 0)
  }

  #onPrepared(slot: WorkerSlot): void {
    if (this.#phase === 'running') return slot.send({ type: 'serve' })
    if (this.#phase === 'stopping' || --this.#awaited > 0) return
    this.#awaited = this.#slots.length
    for (const each of this.#slots) each.send({ type: 'serve' })
  }

  #onServing(): void {
    if (this.#phase !== 'starting' || --this.#awaited > 0) return
    this.#phase = 'running'
    this.#settle?.resolve()
  }

  #onDeath(slot: WorkerSlot, how: string, uptimeMs: number): void {
    const what = `worker ${slot.index} (generation ${slot.generation}) ${how}`
    if (this.#phase === 'stopping') {
      this.#options.logger.error(`${what}\n  while it stopped`)
      return
    }
    if (this.#phase === 'starting') {
      this.#settle?.reject(new Error(`${what}\n  before it served`))
      return
    }
    const delayMs = slot.backoff.next(uptimeMs)
    this.#options.logger.error(`${what}\n  starting another ${delayMs === 0 ? 'at once' : `in ${delayMs} ms`}`)
    const restarted = (ok: boolean): void => {
      if (!ok) this.#onExhausted(slot)
    }
    if (delayMs === 0) restarted(slot.start())
    else slot.startAfter(delayMs, restarted)
  }

  #onExhausted(slot: WorkerSlot): void {
    this.#options.logger.error(`worker ${slot.index} cannot be started again: the spare descriptors are used up`)
    this.#options.exhausted()
    if (this.#slots.every((each) => each.state === 'down')) this.#options.dead()
  }
}
