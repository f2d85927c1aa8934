import type { ListenerInfo, ListenTarget } from './application.ts'
import { describeError } from './logger.ts'
import type { ServerLogger } from './logger.ts'

type MessageListener = (message: unknown, workerIndex: number) => void
type WorkerListener = (index: number, generation: number) => void
type Hook = () => void | Promise<void>

/** How a process comes to drain. */
export interface DrainInfo {
  /** Nobody serves on: the gateway stops. Otherwise the next process serves already. */
  readonly last: boolean
}
type DrainHook = (info: DrainInfo) => void | Promise<void>

/** What the control thread (the main thread of the gateway process) may do. Given to `Server.control()`. */
export interface ControlContext {
  /** How many workers there are. */
  readonly count: number
  /** 1 for the first gateway process, one more for each that followed. */
  readonly generation: number
  /** Another process serves until this one is ready. What both would answer should wait for `onServing`. */
  readonly replaces: boolean
  readonly listeners: readonly ListenerInfo[]
  /** What `Server.listenOnControl()` named: to be handed to `net.Server.listen()` of this thread's own servers. */
  readonly endpoints: Readonly<Record<string, ListenTarget>>
  readonly logger: ServerLogger
  /** Memory for all workers, by name. What is put here before the control hook ends reaches every worker. */
  readonly shared: Record<string, SharedArrayBuffer>
  /** Cloned for each worker when it is started, also for one that takes a crashed one's place: keep it up to date. */
  workerData: unknown
  /** Sends to all workers, in order. One that is starting gets it after its `data`, which is then the older state. */
  broadcast(message: unknown): void
  send(workerIndex: number, message: unknown): void
  onMessage(listener: MessageListener): void
  /** A worker thread is about to start. */
  onWorkerStart(listener: WorkerListener): void
  /** A worker thread has what it was started with, and accepts. */
  onWorkerServing(listener: WorkerListener): void
  /** A worker thread ended: what it held may be taken back. */
  onWorkerExit(listener: WorkerListener): void
  /** SIGHUP. Without a handler it means a new gateway process. A handler that throws is logged, and all goes on. */
  onReload(handler: Hook): void
  /** SIGUSR1. */
  onReopenLogs(handler: Hook): void
  /** All workers serve; the process is said to be ready, and the one before it told to drain, when this is done. */
  onServing(handler: Hook): void
  /** The gateway is to stop and accepts a while longer (`drainDelayMs`): tell whoever asks that no more should be sent. */
  onUnready(handler: Hook): void
  /** The process stops accepting: close this thread's own servers, which the next process, if there is one, is serving already. */
  onDrain(handler: DrainHook): void
  /** All workers have ended; the process follows when this is done, or after `STOP_HOOKS_MS`. */
  onStop(handler: Hook): void
  /** What the process before this one kept, by name. */
  readonly inherited: Readonly<Record<string, string>>
  /** Leaves something with the supervisor for the process that follows, also if this one crashes. A short text: `MAX_KEPT_LENGTH` for all. */
  keep(name: string, value: string): void
  /** Asks the supervisor for a new process in place of this one. */
  requestReplacement(reason?: string): void
}

export interface ControlFields extends Pick<
  ControlContext,
  | 'count'
  | 'generation'
  | 'replaces'
  | 'listeners'
  | 'endpoints'
  | 'logger'
  | 'broadcast'
  | 'send'
  | 'inherited'
  | 'keep'
> {
  requestReplacement(reason: string): void
}

type HookName = 'serving' | 'reload' | 'reopenLogs' | 'unready' | 'drain' | 'stop'

const LAST: DrainInfo = { last: true }

/** A ControlContext with the side that the thread's owner uses. */
export class ControlContextHolder {
  readonly context: ControlContext
  readonly #logger: ServerLogger
  readonly #messageListeners: MessageListener[] = []
  readonly #startListeners: WorkerListener[] = []
  readonly #servingListeners: WorkerListener[] = []
  readonly #exitListeners: WorkerListener[] = []
  readonly #hooks: Record<HookName, ((info: DrainInfo) => void | Promise<void>)[]> = {
    serving: [],
    reload: [],
    reopenLogs: [],
    unready: [],
    drain: [],
    stop: [],
  }

  constructor(fields: ControlFields) {
    this.#logger = fields.logger
    this.context = {
      ...fields,
      shared: {},
      workerData: undefined,
      onMessage: (listener) => void this.#messageListeners.push(listener),
      onWorkerStart: (listener) => void this.#startListeners.push(listener),
      onWorkerServing: (listener) => void this.#servingListeners.push(listener),
      onWorkerExit: (listener) => void this.#exitListeners.push(listener),
      onReload: (handler) => void this.#hooks.reload.push(handler),
      onReopenLogs: (handler) => void this.#hooks.reopenLogs.push(handler),
      onServing: (handler) => void this.#hooks.serving.push(handler),
      onUnready: (handler) => void this.#hooks.unready.push(handler),
      onDrain: (handler) => void this.#hooks.drain.push(handler),
      onStop: (handler) => void this.#hooks.stop.push(handler),
      requestReplacement: (reason = 'the control thread asked for it') => fields.requestReplacement(reason),
    }
  }

  get handlesReload(): boolean {
    return this.#hooks.reload.length > 0
  }

  receive(message: unknown, workerIndex: number): void {
    for (const listener of this.#messageListeners) listener(message, workerIndex)
  }

  workerStarts(index: number, generation: number): void {
    for (const listener of this.#startListeners) listener(index, generation)
  }

  workerServes(index: number, generation: number): void {
    for (const listener of this.#servingListeners) listener(index, generation)
  }

  workerExited(index: number, generation: number): void {
    for (const listener of this.#exitListeners) listener(index, generation)
  }

  /** Runs the handlers of an event one after the other. Never rejects: what a handler throws is logged. */
  async run(event: HookName, info: DrainInfo = LAST): Promise<void> {
    for (const hook of this.#hooks[event]) {
      try {
        await hook(info)
      } catch (error) {
        this.#logger.error(`the ${event} handler failed: ${describeError(error)}`)
      }
    }
  }
}
