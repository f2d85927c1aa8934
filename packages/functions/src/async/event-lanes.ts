import { ServiceError, throttled } from '../model/service-error.ts'
import type { QueueReading } from './async-metrics.ts'
import { EventLane } from './event-lane.ts'
import type { QueuedInvocation } from './event-queue.ts'
import type { QueueSettings } from './queue-settings.ts'

/** The lanes of all functions, and what they hold together. Lanes without events are not kept. */
export class EventLanes {
  readonly #settings: QueueSettings
  readonly #lanes = new Map<string, EventLane>()
  #bytes = 0

  constructor(settings: QueueSettings) {
    this.#settings = settings
  }

  /** Makes room for an event. Throws TooManyRequestsException when there is none. */
  reserve(invocation: QueuedInvocation): EventLane {
    const { maxEvents, maxBytes, maxTotalBytes } = this.#settings
    const size = invocation.payload.length
    const lane = this.laneOf(invocation)
    if (lane.count >= maxEvents || lane.bytes + size > maxBytes) {
      this.#forget(lane)
      throw throttled('FunctionInvocationRateLimitExceeded')
    }
    if (this.#bytes + size > maxTotalBytes) {
      this.#forget(lane)
      throw new ServiceError('TooManyRequestsException', 429, 'Rate Exceeded.', { Reason: 'CallerRateLimitExceeded' })
    }
    this.add(lane, invocation)
    return lane
  }

  laneOf({ functionName, qualifier }: QueuedInvocation): EventLane {
    const name = qualifier === undefined ? functionName : `${functionName}:${qualifier}`
    let lane = this.#lanes.get(name)
    if (lane === undefined) this.#lanes.set(name, (lane = new EventLane(name, functionName)))
    return lane
  }

  add(lane: EventLane, { payload }: QueuedInvocation): void {
    lane.count++
    lane.bytes += payload.length
    this.#bytes += payload.length
  }

  /** An event is over, or was never there. */
  release(lane: EventLane, { payload }: QueuedInvocation): void {
    lane.count--
    lane.bytes -= payload.length
    this.#bytes -= payload.length
    this.#forget(lane)
  }

  get running(): number {
    let running = 0
    for (const lane of this.#lanes.values()) running += lane.running
    return running
  }

  all(): readonly EventLane[] {
    return [...this.#lanes.values()]
  }

  /** By function: its aliases are added up. */
  readings(): QueueReading[] {
    const byFunction = new Map<string, { functionName: string; events: number; bytes: number; running: number }>()
    for (const { functionName, count, bytes, running } of this.#lanes.values()) {
      const reading = byFunction.get(functionName) ?? { functionName, events: 0, bytes: 0, running: 0 }
      reading.events += count
      reading.bytes += bytes
      reading.running += running
      byFunction.set(functionName, reading)
    }
    return [...byFunction.values()]
  }

  #forget(lane: EventLane): void {
    if (lane.count === 0) this.#lanes.delete(lane.name)
  }
}
