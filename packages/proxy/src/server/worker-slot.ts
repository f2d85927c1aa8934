import { Worker } from 'node:worker_threads'
import { Backoff } from './backoff.ts'
import { monotonicMs } from './clock.ts'
import { describeError } from './logger.ts'
import { readWorkerMessage, wrap } from './messages.ts'
import type { ControlMessage } from './messages.ts'

/** Beyond the grace period, how long a worker may take to say that it stopped before its thread is ended. */
export const DRAIN_MARGIN_MS = 1000

export interface WorkerSlotOptions {
  /** Makes the thread; undefined when no descriptors are left for one. */
  createWorker(index: number, generation: number): { worker: Worker; release: () => void } | undefined
  prepared(slot: WorkerSlot): void
  serving(slot: WorkerSlot): void
  message(message: unknown, index: number): void
  /** `how` completes "worker 0 ...". For a worker that was told to stop: called only when it failed at it. */
  died(slot: WorkerSlot, how: string, uptimeMs: number): void
  exited(slot: WorkerSlot): void
}

/** The place of one worker: the thread that fills it now, and those that follow when it dies. */
export class WorkerSlot {
  readonly index: number
  readonly backoff = new Backoff()
  generation = 0
  /** `down`: no thread. `starting`: not yet serving. */
  state: 'down' | 'starting' | 'serving' | 'stopping' = 'down'
  readonly #options: WorkerSlotOptions
  #worker: Worker | undefined
  #servingSince = -1
  #restartTimer: NodeJS.Timeout | undefined
  #cut = 0
  #stopped: ((cut: number) => void) | undefined

  constructor(index: number, options: WorkerSlotOptions) {
    this.index = index
    this.#options = options
  }

  /** Returns false when no descriptors are left. */
  start(): boolean {
    const created = this.#options.createWorker(this.index, this.generation + 1)
    if (created === undefined) return false
    this.generation++
    this.state = 'starting'
    this.#servingSince = -1
    this.#worker = created.worker
    this.#watch(created.worker, created.release)
    return true
  }

  startAfter(delayMs: number, started: (ok: boolean) => void): void {
    this.#restartTimer = setTimeout(() => started(this.start()), delayMs)
  }

  send(message: ControlMessage): void {
    this.#worker?.postMessage(wrap(message))
  }

  /** Drains the worker and ends its thread. Resolves with the number of connections that were cut. */
  stop(graceMs: number): Promise<number> {
    clearTimeout(this.#restartTimer)
    const worker = this.#worker
    if (worker === undefined) return Promise.resolve(0)
    const wasServing = this.state === 'serving'
    this.state = 'stopping'
    return new Promise((resolve) => {
      const timer = setTimeout(() => void worker.terminate(), graceMs + DRAIN_MARGIN_MS)
      this.#stopped = (cut) => {
        clearTimeout(timer)
        resolve(cut)
      }
      if (wasServing) this.send({ type: 'stop', graceMs })
      else void worker.terminate()
    })
  }

  #watch(worker: Worker, release: () => void): void {
    let failure: string | undefined
    worker.on('message', (value) => this.#receive(worker, value))
    worker.on('error', (error) => {
      failure = `failed: ${describeError(error)}`
    })
    worker.on('exit', (code) => {
      release()
      this.#worker = undefined
      const wasStopping = this.state === 'stopping'
      const uptimeMs = this.#servingSince === -1 ? 0 : monotonicMs() - this.#servingSince
      this.state = 'down'
      this.#options.exited(this)
      if (!wasStopping || failure !== undefined)
        this.#options.died(this, failure ?? `exited with code ${code}`, uptimeMs)
      if (wasStopping) this.#stopped?.(this.#cut)
    })
  }

  #receive(worker: Worker, value: unknown): void {
    const message = readWorkerMessage(value)
    switch (message?.type) {
      case 'prepared':
        return this.#options.prepared(this)
      case 'serving':
        // It may have been told to stop between its listening and this message.
        if (this.state !== 'starting') return
        this.state = 'serving'
        this.#servingSince = monotonicMs()
        return this.#options.serving(this)
      case 'stopped':
        this.#cut = message.cut
        void worker.terminate()
        return
      case 'user':
        return this.#options.message(message.message, this.index)
      case undefined:
    }
  }
}
