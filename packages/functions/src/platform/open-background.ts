import { DurableEventQueue } from '../async/durable-event-queue.ts'
import { type QueueMap, queueMapProblem } from '../async/targets/queue-map.ts'
import { Targets } from '../async/targets/targets.ts'
import type { LocalCatalog } from '../catalog/local-catalog.ts'
import type { Operation } from '../control-api/operation.ts'
import type { Engine } from '../engine/engine.ts'
import { EventSources } from '../event-sources/event-sources.ts'
import { scheduleOperations } from '../schedules/schedule-operations.ts'
import { Scheduler } from '../schedules/scheduler.ts'
import type { StateStore } from '../state/state-store.ts'
import type { PlatformLogger } from './options.ts'

export interface BackgroundParts {
  readonly state: StateStore
  readonly catalog: LocalCatalog
  readonly engine: Engine
  /** This node among others that share the state: the same after a restart. */
  readonly node: string
  /** Others do. */
  readonly shared: boolean
  /** What stands behind ARNs of queues. */
  readonly queues: QueueMap
  readonly logger: PlatformLogger
}

/** What calls functions without anybody who waits: the queue of Event invocations, event sources, schedules. */
export interface Background {
  readonly events: DurableEventQueue
  readonly operations: readonly Operation[]
  metrics(): string
  /** Starts nothing more; what runs has `graceMs` to end, and is there for the next start if it does not. Before the engine is drained. */
  close(graceMs: number): Promise<void>
}

/** Goes on with what an earlier life left. Rejects with what is wrong with the settings. */
export async function openBackground(parts: BackgroundParts): Promise<Background> {
  const { state, catalog, engine, node, shared, queues, logger } = parts
  const problem = queueMapProblem(queues)
  if (problem !== undefined) throw new Error(problem)
  const { region, account } = catalog.settings
  const scope = { region, account }
  const onProblem = ({ error, ...fields }: { error?: unknown }, message: string) =>
    logger.warn({ ...fields, ...(error === undefined ? {} : { err: error }) }, message)
  const targets = new Targets(queues)
  const events = await DurableEventQueue.open({
    catalog,
    engine,
    state,
    owner: node,
    shared,
    targets,
    reservedConcurrency: (name) => catalog.reservedConcurrency(name),
    onProblem,
  })
  const scheduler = await Scheduler.open({ state, catalog, queue: events, targets, scope, onProblem })
  const sources = new EventSources({ catalog, engine, events, targets, queues, node, region, onProblem })
  return {
    events,
    operations: scheduleOperations({ state, schedules: scheduler.schedules, catalog, scope }),
    metrics: () => events.metrics() + sources.metrics() + scheduler.metrics(),
    async close(graceMs) {
      // Batches that run take part in the grace of the queue.
      await Promise.all([sources.close(graceMs), scheduler.close()])
      await events.close(graceMs)
    },
  }
}
