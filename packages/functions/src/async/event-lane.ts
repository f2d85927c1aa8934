import type { QueuedEvent } from './queued-event.ts'

/** Of one function at a time, at first; grows while all goes well, as AWS's pollers do. */
const FIRST_WINDOW = 10

/** How long a function is left alone after a refusal, doubled by each one that follows. AWS: 1 s to 5 min. */
export interface Backoff {
  readonly minMs: number
  readonly maxMs: number
}

/** The events of one function or alias that may run now, and how many of them run at the same time. */
export class EventLane {
  readonly name: string
  readonly functionName: string
  /** Events of this lane in the queue, wherever they stand. */
  count = 0
  /** Of their payloads. */
  bytes = 0
  running = 0
  /** Refused ones come back to the front. */
  #ready: QueuedEvent[] = []
  #head = 0
  #window = FIRST_WINDOW
  #successes = 0
  #refusals = 0
  #pausedUntil = 0

  constructor(name: string, functionName: string) {
    this.name = name
    this.functionName = functionName
  }

  get ready(): number {
    return this.#ready.length - this.#head
  }

  push(event: QueuedEvent): void {
    this.#ready.push(event)
  }

  /** The next event, which runs from now on; undefined: none, or not now. */
  take(now: number, maxRunning: number): QueuedEvent | undefined {
    if (this.ready === 0 || this.running >= Math.min(this.#window, maxRunning) || now < this.#pausedUntil)
      return undefined
    const event = this.#ready[this.#head]!
    this.#head++
    // The places before the head are given back now and then: each event is moved once on average.
    if (this.#head > 1_000 && this.#head * 2 > this.#ready.length) {
      this.#ready = this.#ready.slice(this.#head)
      this.#head = 0
    }
    this.running++
    return event
  }

  /** It ran, whatever came of it. */
  ran(): void {
    this.running--
    this.#refusals = 0
    this.#pausedUntil = 0
    // As many again as run at a time: the window doubles in some ten rounds, so that little is refused.
    if (++this.#successes >= this.#window * FIRST_WINDOW) {
      this.#window++
      this.#successes = 0
    }
  }

  /**
   * It did not: others that run go on, and the first of them that ends lets it be tried again.
   * @returns when it may be tried again at the latest
   */
  refused(event: QueuedEvent, now: number, { minMs, maxMs }: Backoff): number {
    this.running--
    this.#window = Math.max(this.running, 1)
    this.#successes = 0
    this.#pausedUntil = Math.max(this.#pausedUntil, now + Math.min(minMs * 2 ** Math.min(this.#refusals, 30), maxMs))
    if (this.running === 0) this.#refusals++
    if (this.#head > 0) this.#ready[--this.#head] = event
    else this.#ready.unshift(event)
    return this.#pausedUntil
  }
}
