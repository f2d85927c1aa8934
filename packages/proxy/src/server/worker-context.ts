import type { ListenerInfo } from './application.ts'
import type { ServerLogger } from './logger.ts'

/** What a worker thread knows of itself and of the control thread. Given to the functions that make applications. */
export interface WorkerContext {
  /** From 0. A worker that took the place of a crashed one has its index. */
  readonly index: number
  /** How many workers there are. */
  readonly count: number
  /** 1 for the first worker at this index of this gateway process, one more for each that followed. */
  readonly generation: number
  /** A copy of the control thread's `workerData`, as it was when this worker was started. */
  readonly data: unknown
  /** Memory that all workers and the control thread share, by name. */
  readonly shared: Readonly<Record<string, SharedArrayBuffer>>
  readonly listeners: readonly ListenerInfo[]
  readonly logger: ServerLogger
  /** Sends to the control thread: anything that can be cloned. */
  post(message: unknown): void
  /** Hears what the control thread sends. Messages that came before the first listener was added wait for it. */
  onMessage(listener: (message: unknown) => void): void
  /** Runs when the last exchange ended, before the thread does: flush what is buffered. */
  onStop(hook: () => void | Promise<void>): void
}

export interface WorkerContextFields extends Pick<
  WorkerContext,
  'index' | 'count' | 'generation' | 'data' | 'shared' | 'listeners' | 'logger' | 'post'
> {}

/** A WorkerContext with the side that the thread's owner uses. */
export class WorkerContextHolder {
  readonly context: WorkerContext
  readonly #listeners: ((message: unknown) => void)[] = []
  readonly #stopHooks: (() => void | Promise<void>)[] = []
  /**
   * Bounded by its sender alone: these are our own control thread's messages, between the start of the thread and the
   * moment when its application was made.
   */
  #waiting: unknown[] = []

  constructor(fields: WorkerContextFields) {
    this.context = {
      ...fields,
      onMessage: (listener) => {
        this.#listeners.push(listener)
        for (const message of this.#waiting.splice(0)) listener(message)
      },
      onStop: (hook) => {
        this.#stopHooks.push(hook)
      },
    }
  }

  receive(message: unknown): void {
    if (this.#listeners.length === 0) this.#waiting.push(message)
    for (const listener of this.#listeners) listener(message)
  }

  async stop(): Promise<void> {
    for (const hook of this.#stopHooks) await hook()
  }
}
