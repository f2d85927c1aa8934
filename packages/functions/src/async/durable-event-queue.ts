import type { EventInvokeConfig, FunctionCatalog } from '../catalog/function-catalog.ts'
import { ServiceError } from '../model/service-error.ts'
import { StateUnavailable } from '../state/state-error.ts'
import type { StateCondition, StateRecord, StateStore, StateWrite } from '../state/state-store.ts'
import { AsyncMetrics, renderAsyncMetrics } from './async-metrics.ts'
import { EventDeliveries } from './event-deliveries.ts'
import { EventJournal } from './event-journal.ts'
import { EventLane } from './event-lane.ts'
import { EventLanes } from './event-lanes.ts'
import type { EventQueue, QueuedInvocation } from './event-queue.ts'
import { deliveriesOf, type LastTry } from './invocation-record.ts'
import { decodeEvent, encodeEvent, eventKey, QUEUE_PREFIX, type QueuedEvent } from './queued-event.ts'
import { QueueOwners } from './queue-owners.ts'
import { DEFAULT_QUEUE_SETTINGS, type QueueSettings } from './queue-settings.ts'
import { runFunction, type Runner, type RunOutcome } from './run-function.ts'
import type { Targets } from './targets/targets.ts'
import { Timeline } from './timeline.ts'
import { afterError, isTooOld, type Condition } from './verdict.ts'

export interface EventQueueOptions extends Runner {
  readonly catalog: Pick<FunctionCatalog, 'resolve' | 'prepare' | 'eventInvokeConfig'>
  readonly state: StateStore
  /** Whose events these are among those of all nodes that share the state: the same after a restart. Letters, digits, `-`, `_`, `.`. */
  readonly owner: string
  readonly targets: Targets
  /** 0: events of the function are given up at once. */
  readonly reservedConcurrency: (functionName: string) => number | undefined
  /** For the log: what went wrong that no caller hears of. */
  readonly onProblem: (fields: object, message: string) => void
  /** Other nodes use the same state: the events of those that die go on here. */
  readonly shared?: boolean
  readonly settings?: Partial<QueueSettings>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** Between looks for a store that was away at the start. */
const BEGIN_AGAIN_MS = 1_000

/**
 * Event invocations, kept in the state store from the acknowledgement to the last step:
 *
 *     enqueue ──▶ ready ──▶ runs ──▶ success ──────────────▶ delivered to OnSuccess ──▶ removed
 *                  ▲ ▲       │
 *                  │ └ waits ┤ function error, tries left
 *                  └ pauses ─┤ throttled, 5xx
 *                            └ tries or time are up ───────▶ OnFailure, dead letter ──▶ removed
 *
 * Whatever happens to the process, an event runs at least once; one that runs when the process dies runs again.
 */
export class DurableEventQueue implements EventQueue {
  readonly #options: EventQueueOptions
  readonly #settings: QueueSettings
  readonly #now: () => number
  readonly #journal: EventJournal
  readonly #lanes: EventLanes
  readonly #deliveries: EventDeliveries
  readonly #metrics = new Map<string, AsyncMetrics>()
  /** Events that wait for their time, lanes that pause. */
  readonly #timeline: Timeline<QueuedEvent | EventLane>
  #stopping = false
  #closed = false
  #onQuiet: (() => void) | undefined
  #owners: QueueOwners | undefined
  #begun = false
  #later: NodeJS.Timeout | undefined

  private constructor(options: EventQueueOptions) {
    this.#options = options
    this.#settings = { ...DEFAULT_QUEUE_SETTINGS, ...options.settings }
    this.#now = options.now ?? Date.now
    this.#journal = new EventJournal(options.state, (error) =>
      options.onProblem({ error }, 'events that are over could not be removed'),
    )
    this.#lanes = new EventLanes(this.#settings)
    this.#timeline = new Timeline(this.#now, (item) => this.#onDue(item))
    this.#deliveries = new EventDeliveries({
      catalog: options.catalog,
      targets: options.targets,
      journal: this.#journal,
      settings: this.#settings,
      now: this.#now,
      onProblem: options.onProblem,
      newEvent: (invocation, hops) => this.#newEvent(invocation, hops),
      lanes: this.#lanes,
      metricsOf: (name) => this.#metricsOf(name),
    })
  }

  /** Reads what an earlier life left and goes on with it. Where the store is away, that is done and events are taken when it is back. */
  static async open(options: EventQueueOptions): Promise<DurableEventQueue> {
    const queue = new DurableEventQueue(options)
    try {
      await queue.#begin()
    } catch (error) {
      if (!(error instanceof StateUnavailable)) throw error
      options.onProblem({ error }, 'the store is away: no event is taken in, and none runs, until it is back')
      queue.#later = setTimeout(() => void queue.#beginLater(), BEGIN_AGAIN_MS)
    }
    return queue
  }

  async enqueue(invocation: QueuedInvocation): Promise<void> {
    await this.enqueueWith(invocation, [], undefined)
  }

  /**
   * As `enqueue`, together with other writes: all or nothing.
   * @param conditions undefined: none, and the event shares its commit with others
   * @returns false: a condition did not hold
   */
  async enqueueWith(
    invocation: QueuedInvocation,
    writes: readonly StateWrite[],
    conditions: readonly StateCondition[] | undefined,
  ): Promise<boolean> {
    if (this.#stopping) throw new ServiceError('ServiceException', 503, 'The function platform is shutting down.')
    if (!this.#begun)
      throw new ServiceError('ServiceException', 503, 'The event was not queued: the store is away since the start.')
    const metrics = this.#metricsOf(invocation.functionName)
    const event = this.#newEvent(invocation, 0)
    const lane = this.#reserve(invocation, metrics)
    const all = [{ key: event.key, value: encodeEvent(event) }, ...writes]
    let kept = true
    try {
      if (conditions === undefined) await this.#journal.write(all)
      else kept = await this.#journal.writeIf(all, conditions)
    } catch (error) {
      this.#lanes.release(lane, invocation)
      const status = error instanceof StateUnavailable ? 503 : 500
      throw new ServiceError('ServiceException', status, `The event was not queued: ${(error as Error).message}`)
    }
    if (!kept) {
      this.#lanes.release(lane, invocation)
      return false
    }
    metrics.received++
    lane.push(event)
    this.#pump(lane)
    return true
  }

  /** No new runs; resolves when those under way are over or `graceMs` has passed. What is left is there for the next start. */
  async close(graceMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#later)
    this.#timeline.clear()
    await this.#owners?.close()
    if (this.#lanes.running > 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs)
        this.#onQuiet = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    await this.#deliveries.settled(graceMs)
    this.#closed = true
    await this.#journal.close()
    await this.#options.targets.close()
  }

  /** Events that are not over. */
  get size(): number {
    return this.#lanes.all().reduce((sum, { count }) => sum + count, 0)
  }

  /** In the Prometheus text format. */
  metrics(): string {
    return renderAsyncMetrics([...this.#metrics.values()], this.#lanes.readings())
  }

  async #begin(): Promise<void> {
    const { state, owner, shared, onProblem } = this.#options
    if (shared === true)
      this.#owners ??= await QueueOwners.open({ state, owner, onProblem, onMoved: (records) => this.#admit(records) })
    const left = await state.list(`${QUEUE_PREFIX}${owner}/`)
    this.#begun = true
    this.#admit(left)
  }

  async #beginLater(): Promise<void> {
    try {
      await this.#begin()
      if (this.#stopping) await this.#owners?.close()
    } catch (error) {
      if (!(error instanceof StateUnavailable)) this.#options.onProblem({ error }, 'the queue of events cannot be read')
      if (!this.#stopping) this.#later = setTimeout(() => void this.#beginLater(), BEGIN_AGAIN_MS)
    }
  }

  /** Goes on with events that an earlier life or another node has left. */
  #admit(records: readonly StateRecord[]): void {
    const events: QueuedEvent[] = []
    for (const { key, value } of records) {
      try {
        events.push(decodeEvent(key, value))
      } catch (error) {
        this.#options.onProblem({ key, error }, 'an event in the store cannot be read and is left there')
      }
    }
    events.sort((a, b) => a.enqueuedAt - b.enqueuedAt)
    for (const event of events) {
      this.#lanes.add(this.#lanes.laneOf(event.invocation), event.invocation)
      if (event.dueAt > this.#now()) this.#timeline.add(event.dueAt, event)
      else this.#onDue(event)
    }
  }

  #newEvent(invocation: QueuedInvocation, hops: number): QueuedEvent {
    const key = eventKey(this.#options.owner, invocation.requestId)
    return {
      key,
      invocation,
      enqueuedAt: this.#now(),
      attempts: 0,
      dueAt: 0,
      hops,
      deliveries: undefined,
      deliveryAttempts: 0,
    }
  }

  #reserve(invocation: QueuedInvocation, metrics: AsyncMetrics): EventLane {
    try {
      return this.#lanes.reserve(invocation)
    } catch (error) {
      metrics.refused++
      throw error
    }
  }

  #onDue(item: QueuedEvent | EventLane): void {
    if (item instanceof EventLane) this.#pump(item)
    else if (item.deliveries !== undefined) void this.#deliver(item)
    else {
      const lane = this.#lanes.laneOf(item.invocation)
      lane.push(item)
      this.#pump(lane)
    }
  }

  #pump(lane: EventLane): void {
    while (!this.#stopping) {
      const event = lane.take(this.#now(), this.#settings.maxRunning)
      if (event === undefined) return
      void this.#run(lane, event)
    }
  }

  /** Never rejects. */
  async #run(lane: EventLane, event: QueuedEvent): Promise<void> {
    const { invocation } = event
    const { functionName } = invocation
    const config = this.#configOf(event)
    if (config === undefined) this.#giveUp(lane, event, 'Deleted')
    else if (this.#options.reservedConcurrency(functionName) === 0)
      await this.#over(lane, event, 'ZeroReservedConcurrency', undefined, undefined, config)
    else if (isTooOld(event, config, this.#now()))
      await this.#over(lane, event, 'EventAgeExceeded', undefined, undefined, config)
    else {
      if (event.attempts === 0) this.#metricsOf(functionName).age.observe(this.#now() - event.enqueuedAt)
      const outcome = await runFunction(this.#options, invocation)
      // After the end nobody may touch the store: it runs again at the next start.
      if (!this.#closed) await this.#afterRun(lane, event, outcome, config)
    }
    this.#pump(lane)
    if (this.#stopping && this.#lanes.running === 0) this.#onQuiet?.()
  }

  async #afterRun(lane: EventLane, event: QueuedEvent, outcome: RunOutcome, config: EventInvokeConfig): Promise<void> {
    if (outcome.kind === 'impossible') {
      this.#options.onProblem(
        { function: event.invocation.invokedArn, requestId: event.invocation.requestId, error: outcome.error },
        'an event is dropped: its function is not there any more',
      )
      this.#giveUp(lane, event, 'Deleted')
    } else if (outcome.kind === 'refused') {
      if (isTooOld(event, config, this.#now()))
        await this.#over(lane, event, 'EventAgeExceeded', undefined, outcome.error, config)
      else this.#pause(lane, event)
    } else if (outcome.result.functionError === undefined) {
      this.#metricsOf(event.invocation.functionName).succeeded++
      await this.#over(lane, event, 'Success', outcome, undefined, config)
    } else await this.#afterError(lane, event, outcome, config)
  }

  #pause(lane: EventLane, event: QueuedEvent): void {
    this.#metricsOf(event.invocation.functionName).throttled++
    this.#timeline.add(lane.refused(event, this.#now(), this.#settings.refusalBackoff), lane)
  }

  async #afterError(lane: EventLane, event: QueuedEvent, last: LastTry, config: EventInvokeConfig): Promise<void> {
    const verdict = afterError(event, config, this.#now(), this.#settings.retryDelays)
    if (typeof verdict === 'string') {
      await this.#over(lane, event, verdict, last, undefined, config)
      return
    }
    lane.ran()
    this.#metricsOf(event.invocation.functionName).retried++
    const again = { ...event, attempts: event.attempts + 1, dueAt: verdict.retryAt }
    await this.#deliveries.keep(again)
    if (!this.#stopping) this.#timeline.add(again.dueAt, again)
  }

  /** The function is through with it: others are told, then it is removed. */
  async #over(
    lane: EventLane,
    event: QueuedEvent,
    condition: Condition,
    last: LastTry,
    refusal: ServiceError | undefined,
    config: EventInvokeConfig,
  ): Promise<void> {
    lane.ran()
    this.#pump(lane)
    if (condition !== 'Success') this.#metricsOf(event.invocation.functionName).drop(condition)
    const deliveries = deliveriesOf(event, condition, last, refusal, config, this.#now())
    if (deliveries.length === 0) this.#remove(lane, event)
    else await this.#deliver({ ...event, deliveries })
  }

  async #deliver(event: QueuedEvent): Promise<void> {
    const lane = this.#lanes.laneOf(event.invocation)
    const { left, started } = await this.#deliveries.deliver(event)
    if (left !== undefined) {
      if (!this.#stopping) this.#timeline.add(left.dueAt, left)
    } else this.#lanes.release(lane, event.invocation)
    for (const next of started) {
      const nextLane = this.#lanes.laneOf(next.invocation)
      nextLane.push(next)
      this.#pump(nextLane)
    }
  }

  #giveUp(lane: EventLane, event: QueuedEvent, reason: 'Deleted'): void {
    lane.ran()
    this.#metricsOf(event.invocation.functionName).drop(reason)
    this.#remove(lane, event)
  }

  #remove(lane: EventLane, event: QueuedEvent): void {
    this.#journal.remove(event.key)
    this.#lanes.release(lane, event.invocation)
  }

  #configOf({ invocation }: QueuedEvent): EventInvokeConfig | undefined {
    try {
      return this.#options.catalog.eventInvokeConfig(invocation.functionName, invocation.qualifier)
    } catch {
      return undefined
    }
  }

  #metricsOf(name: string): AsyncMetrics {
    let metrics = this.#metrics.get(name)
    if (metrics === undefined) this.#metrics.set(name, (metrics = new AsyncMetrics(name)))
    return metrics
  }
}
