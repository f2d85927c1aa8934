import { randomUUID } from 'node:crypto'
import type { FunctionCatalog } from '../catalog/function-catalog.ts'
import { MAX_EVENT_PAYLOAD_BYTES } from '../control-api/invoke/payload.ts'
import { MAX_VALUE_BYTES } from '../state/check-commit.ts'
import type { AsyncMetrics } from './async-metrics.ts'
import { type Delivery, isFunctionArn } from './delivery.ts'
import type { EventJournal } from './event-journal.ts'
import type { EventLanes } from './event-lanes.ts'
import type { QueuedInvocation } from './event-queue.ts'
import type { QueueSettings } from './queue-settings.ts'
import { encodeEvent, type QueuedEvent } from './queued-event.ts'
import type { Targets } from './targets/targets.ts'

export interface DeliveryParts {
  readonly catalog: Pick<FunctionCatalog, 'resolve'>
  readonly targets: Targets
  readonly journal: EventJournal
  readonly settings: QueueSettings
  readonly now: () => number
  readonly onProblem: (fields: object, message: string) => void
  readonly newEvent: (invocation: QueuedInvocation, hops: number) => QueuedEvent
  readonly lanes: EventLanes
  readonly metricsOf: (functionName: string) => AsyncMetrics
}

export interface Delivered {
  /** What could not be delivered yet, and is tried again when it is due; undefined: nothing, the event is removed. */
  readonly left: QueuedEvent | undefined
  /** Invocations of other functions that came of it. They are kept already. */
  readonly started: readonly QueuedEvent[]
}

/** Tells destinations and dead-letter queues of events that are over. */
export class EventDeliveries {
  readonly #parts: DeliveryParts
  #under = 0
  #onSettled: (() => void) | undefined

  constructor(parts: DeliveryParts) {
    this.#parts = parts
  }

  /** Never rejects. */
  async deliver(event: QueuedEvent): Promise<Delivered> {
    this.#under++
    try {
      return await this.#deliver(event)
    } finally {
      if (--this.#under === 0) this.#onSettled?.()
    }
  }

  /** Resolves when none is under way, or `graceMs` has passed. */
  async settled(graceMs: number): Promise<void> {
    if (this.#under === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs)
      this.#onSettled = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Writes what an event has become. Without it the event is what it was before, after a crash: it runs once more. Never rejects. */
  async keep(event: QueuedEvent): Promise<void> {
    const value = encodeEvent(event)
    // An answer of 6 MB for a destination that is away: only memory has it.
    if (value.length > MAX_VALUE_BYTES / 2 && Buffer.byteLength(value) > MAX_VALUE_BYTES) return
    try {
      await this.#parts.journal.write([{ key: event.key, value }])
    } catch (error) {
      this.#parts.onProblem({ key: event.key, error }, 'the state of an event could not be written')
    }
  }

  async #deliver(event: QueuedEvent): Promise<Delivered> {
    const failed: Delivery[] = []
    const started: QueuedEvent[] = []
    for (const delivery of event.deliveries ?? []) {
      try {
        const next = await this.#send(event, delivery)
        if (next !== undefined) started.push(next)
        this.#parts.metricsOf(event.invocation.functionName).delivered++
      } catch (error) {
        this.#failed(event, delivery, error)
        failed.push(delivery)
      }
    }
    const { maxDeliveryAttempts, deliveryBackoff } = this.#parts.settings
    const attempts = event.deliveryAttempts + 1
    if (failed.length === 0 || attempts >= maxDeliveryAttempts) {
      this.#parts.journal.remove(event.key)
      return { left: undefined, started }
    }
    const wait = Math.min(deliveryBackoff.minMs * 2 ** Math.min(event.deliveryAttempts, 30), deliveryBackoff.maxMs)
    const left = { ...event, deliveries: failed, deliveryAttempts: attempts, dueAt: this.#parts.now() + wait }
    await this.keep(left)
    return { left, started }
  }

  #failed({ invocation, deliveryAttempts }: QueuedEvent, { arn }: Delivery, error: unknown): void {
    this.#parts.metricsOf(invocation.functionName).deliveryFailures++
    const last = deliveryAttempts + 1 >= this.#parts.settings.maxDeliveryAttempts
    // Once at the beginning, once at the end: a target that is away for hours is no news.
    if (deliveryAttempts > 0 && !last) return
    this.#parts.onProblem(
      { function: invocation.invokedArn, requestId: invocation.requestId, target: arn, error },
      last ? 'a result could not be delivered and is dropped' : 'a result could not be delivered: it is tried again',
    )
  }

  /** @returns the invocation, when the target is a function */
  async #send(event: QueuedEvent, delivery: Delivery): Promise<QueuedEvent | undefined> {
    if (!isFunctionArn(delivery.arn)) {
      await this.#parts.targets.send(delivery)
      return undefined
    }
    const { settings, newEvent, metricsOf, onProblem, catalog, lanes, journal } = this.#parts
    const { invocation } = event
    if (event.hops >= settings.maxHops) {
      metricsOf(invocation.functionName).drop('RecursiveLoop')
      onProblem(
        { function: invocation.invokedArn, target: delivery.arn },
        `destinations have led from function to function ${event.hops} times: the loop is ended`,
      )
      return undefined
    }
    const { function: fn, invokedArn } = catalog.resolve(delivery.arn, undefined)
    const payload = Buffer.from(delivery.body)
    if (payload.length > MAX_EVENT_PAYLOAD_BYTES)
      throw new Error(`the record has ${payload.length} bytes, an event at most ${MAX_EVENT_PAYLOAD_BYTES}`)
    const next = newEvent(
      {
        requestId: randomUUID(),
        functionName: fn.name,
        qualifier: invokedArn === fn.arn ? undefined : invokedArn.slice(fn.arn.length + 1),
        invokedArn,
        payload,
        traceId: invocation.traceId,
        clientContext: undefined,
        tenantId: undefined,
      },
      event.hops + 1,
    )
    const lane = lanes.reserve(next.invocation)
    try {
      // In place of the event that led to it, when nobody else is to be told: never both, never neither.
      const replaces = event.deliveries?.length === 1 ? [{ key: event.key, value: undefined }] : []
      await journal.write([{ key: next.key, value: encodeEvent(next) }, ...replaces])
    } catch (error) {
      lanes.release(lane, next.invocation)
      throw error
    }
    metricsOf(fn.name).received++
    return next
  }
}
