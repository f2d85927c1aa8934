import { parentPort } from 'node:worker_threads'
import type { Application, ListenerInfo, ListenTarget, ServingListener } from './application.ts'
import type { ServerLogger } from './logger.ts'
import { readControlMessage, wrap } from './messages.ts'
import type { WorkerMessage } from './messages.ts'
import type { WorkerAssignment } from './roles.ts'
import { WorkerContextHolder } from './worker-context.ts'
import type { WorkerContext } from './worker-context.ts'

/** Makes the application of a listener in a worker. */
export type ApplicationFactory = (worker: WorkerContext, listener: ListenerInfo) => Application | Promise<Application>

/** A listener that the application binds itself, in the worker: UDP, whose sessions belong to one thread. */
export interface OwnListener {
  readonly application: Application
  readonly target: ListenTarget
  readonly options?: unknown
}

/** Makes the listeners that a worker binds itself. */
export type OwnListeners = (worker: WorkerContext) => readonly OwnListener[] | Promise<readonly OwnListener[]>

/** One call of `Server.listen()`. */
export interface Mount {
  readonly key: string
  readonly application: Application | ApplicationFactory
  readonly options: unknown
}

export interface WorkerPlan {
  readonly mounts: readonly Mount[]
  /** For the listeners that no mount names. */
  readonly fallback: Application | ApplicationFactory | undefined
  readonly own: OwnListeners | undefined
  readonly logger: ServerLogger
}

/** A worker thread. Resolves when it has drained; the thread ends right after. */
export async function runWorkerThread(assignment: WorkerAssignment, plan: WorkerPlan): Promise<void> {
  const port = parentPort!
  const post = (message: WorkerMessage): void => port.postMessage(wrap(message))
  const { index, count, generation, data, shared, listeners } = assignment
  const holder = new WorkerContextHolder({
    index,
    count,
    generation,
    data,
    shared,
    listeners: listeners.map(({ key, address }) => ({ key, address })),
    logger: plan.logger,
    post: (message) => post({ type: 'user', message }),
  })
  const orders = { serve: (): void => {}, stop: (_graceMs: number): void => {} }
  const serve = new Promise<void>((resolve) => {
    orders.serve = resolve
  })
  const stop = new Promise<number>((resolve) => {
    orders.stop = resolve
  })
  port.on('message', (value) => {
    const message = readControlMessage(value)
    if (message?.type === 'user') holder.receive(message.message)
    else if (message?.type === 'serve') orders.serve()
    else if (message?.type === 'stop') orders.stop(message.graceMs)
  })

  const applications = await makeApplications(holder.context, plan)
  const own = (await plan.own?.(holder.context)) ?? []
  post({ type: 'prepared' })
  await serve
  const serving = await Promise.all([
    ...applications.map(({ application, options }, i) => application.serve({ fd: listeners[i].fd }, options)),
    ...own.map(({ application, target, options }) => application.serve(target, options)),
  ])
  post({ type: 'serving' })
  const cut = await drainAll(serving, await stop)
  await holder.stop()
  post({ type: 'stopped', cut })
}

/** One application for each listener, in the order of the context's listeners. */
export async function makeApplications(
  context: WorkerContext,
  plan: WorkerPlan,
): Promise<{ application: Application; options: unknown }[]> {
  const known = new Set(context.listeners.map((listener) => listener.key))
  const unbound = plan.mounts.filter((mount) => !known.has(mount.key)).map((mount) => mount.key)
  if (unbound.length > 0) {
    throw new Error(
      `the supervisor did not bind ${unbound.join(', ')}; it holds ${[...known].join(', ')}: ` +
        'a change of the listen addresses needs a restart of the supervisor',
    )
  }
  return Promise.all(
    context.listeners.map(async (listener) => {
      const mount = plan.mounts.find((each) => each.key === listener.key)
      const application = mount === undefined ? plan.fallback : mount.application
      if (application === undefined) {
        throw new Error(
          `nothing serves ${listener.key}, which the supervisor bound: listen() on it, or restart the supervisor`,
        )
      }
      const made = typeof application === 'function' ? await application(context, listener) : application
      return { application: made, options: mount?.options }
    }),
  )
}

/** Stops accepting everywhere first, then waits. Returns how many connections were cut. */
export async function drainAll(serving: readonly ServingListener[], graceMs: number): Promise<number> {
  for (const listener of serving) listener.stopAccepting()
  const cuts = await Promise.all(serving.map((listener) => listener.drain(graceMs)))
  return cuts.reduce((sum, cut) => sum + cut, 0)
}
