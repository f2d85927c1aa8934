import { LOCAL_COUNTS, type BalancingCounts, type InFlightCount } from '../balancing/counts.ts'
import type { GradientLimit } from './gradient-limit.ts'
import { PendingQueue, type Waiter } from './pending-queue.ts'
import { DEFAULT_URGENCY, shareOf } from './urgency.ts'

/** Limits of what one upstream is given at a time; what is left out does not limit. */
export interface GateOptions {
  readonly maxRequests?: number | undefined
  /** In HTTP/1.1, where each request in flight has a connection of its own. */
  readonly maxConnections?: number | undefined
  /** Requests that may wait for a place. Default 0: what finds none is refused at once. */
  readonly maxPendingRequests?: number | undefined
  /** How long one waits at most. */
  readonly pendingTimeoutMs?: number | undefined
  /** Of this thread alone: each one sees its own latencies. */
  readonly gradient?: GradientLimit | undefined
  /** Where the counts are kept: those who share them share the limits, and none is ever passed. */
  readonly counts?: BalancingCounts | undefined
  readonly now?: () => number
}

/** The limit that a request met. */
export type GateRefusal =
  | 'max_requests'
  | 'max_connections'
  | 'adaptive_concurrency'
  | 'max_pending_requests'
  | 'pending_timeout'

/** How often those who wait look whether another thread gave a place back, ms. */
const POLL_MS = 5

/**
 * The circuit breaker of an upstream: lets so many requests through at a time, has some more wait for a while, and refuses the others.
 *
 *     enter -> undefined: it is in, and `leave` follows
 *           -> a refusal: `wait`, or answer 503
 */
export class Gate {
  readonly gradient: GradientLimit | undefined
  readonly #max: number
  readonly #reason: 'max_requests' | 'max_connections'
  readonly #maxPending: number
  readonly #pendingTimeoutMs: number
  readonly #requests: InFlightCount
  readonly #pending: InFlightCount
  readonly #queue = new PendingQueue()
  readonly #now: () => number
  #local = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: GateOptions) {
    const { maxRequests = Infinity, maxConnections = Infinity, counts = LOCAL_COUNTS } = options
    this.gradient = options.gradient
    this.#max = Math.min(maxRequests, maxConnections)
    this.#reason = maxConnections < maxRequests ? 'max_connections' : 'max_requests'
    this.#maxPending = options.maxPendingRequests ?? 0
    this.#pendingTimeoutMs = options.pendingTimeoutMs ?? 1_000
    this.#requests = counts.inFlight('\0requests')
    this.#pending = counts.inFlight('\0pending')
    this.#now = options.now ?? (() => performance.now())
  }

  /** Requests that are in, of all who share the counts. */
  get inFlight(): number {
    return this.#requests.value
  }

  /** Requests of this thread that wait. */
  get pending(): number {
    return this.#queue.size
  }

  /** @returns the limit that is reached; undefined: the request is in */
  enter(urgency = DEFAULT_URGENCY): GateRefusal | undefined {
    // Whoever waits is not overtaken, but by the more urgent.
    if (this.#queue.size > 0 && urgency >= this.#queue.first) return this.#reason
    return this.#take(urgency)
  }

  /** After a refusal. @returns the limit that is reached; undefined: it waits, until it is called or `cancel`led */
  wait(waiter: Waiter, urgency = DEFAULT_URGENCY): GateRefusal | undefined {
    if (!this.#pending.tryStart(this.#maxPending)) {
      const displaced = this.#queue.displace(urgency)
      if (displaced === undefined) return 'max_pending_requests'
      displaced.onRefused('max_pending_requests')
    }
    this.#queue.push(waiter, urgency, this.#now() + this.#pendingTimeoutMs)
    this.#timer ??= setInterval(() => this.#poll(), POLL_MS)
    return undefined
  }

  /** Nobody is left to wait for. */
  cancel(waiter: Waiter): void {
    if (!this.#queue.remove(waiter)) return
    this.#pending.finished()
    this.#rest()
  }

  /** @param latencyMs until the response's head; -1: there was none */
  leave(latencyMs: number): void {
    if (latencyMs >= 0) this.gradient?.sample(latencyMs, this.#local, this.#now())
    this.#local--
    this.#requests.finished()
    if (this.#queue.size > 0) this.#admit()
  }

  #take(urgency: number): GateRefusal | undefined {
    const share = shareOf(urgency)
    if (this.gradient !== undefined && this.#local >= Math.max(1, this.gradient.limit * share))
      return 'adaptive_concurrency'
    if (!this.#requests.tryStart(Math.max(1, Math.floor(this.#max * share)))) return this.#reason
    this.#local++
    return undefined
  }

  #admit(): void {
    while (this.#queue.size > 0 && this.#take(this.#queue.first) === undefined) {
      this.#pending.finished()
      this.#queue.shift()?.onAdmitted()
    }
    this.#rest()
  }

  #poll(): void {
    const now = this.#now()
    for (let late = this.#queue.shiftExpired(now); late !== undefined; late = this.#queue.shiftExpired(now)) {
      this.#pending.finished()
      late.onRefused('pending_timeout')
    }
    this.#admit()
  }

  #rest(): void {
    if (this.#queue.size > 0 || this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
