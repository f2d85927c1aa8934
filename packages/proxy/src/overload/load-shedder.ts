import { DEFAULT_URGENCY, shareOf, URGENCIES } from './urgency.ts'

/** When requests are shed. */
export interface ShedderOptions {
  /** Ms that the event loop may be late without harm. */
  readonly targetMs: number
  /** Later than that at each look of so long, and some are refused. */
  readonly intervalMs: number
  /** Requests in flight in this thread at most; 0 = no limit. */
  readonly maxRequests: number
  /** The part of the time since it was asked last that the event loop was busy, from 0 to 1. */
  readonly utilisation: () => number
  /** The clock of `look`. */
  readonly now?: () => number
  /** Shedding began or ended: for a log. */
  readonly onChange?: (shedding: boolean, report: ShedderReport) => void
}

/** What a log says about it. */
export interface ShedderReport {
  /** The least delay of the event loop in the last interval, ms. */
  readonly delayMs: number
  /** Requests a second that came, and that are let through, in the last interval. */
  readonly arriving: number
  readonly admitted: number
  /** Shed since shedding began. */
  readonly shed: number
}

/** An interval with fewer looks says nothing: one long task, or a collection of garbage, is no overload. */
const MIN_LOOKS = 3
/** So many intervals in which all could be served end the shedding. */
const CALM_INTERVALS = 10
/** How often the clock is read while requests come: every so many of them. */
const CLOCK_EVERY = 4
/**
 * A turn that has taken requests for so many times the target refuses what is not urgent, and after twice as many the rest. While requests are
 * shed there are no bursts to be let in, and a request lasts for three turns: it waits for one, is served in the next, and its response comes
 * in the third.
 */
const TURN_TARGETS = 4
const TURN_TARGETS_SHEDDING = 1.5
/** One interval takes at most so much of what is let through, or gives back. */
const LEAST_FACTOR = 0.7
const GROWTH = 0.1
/** An event loop that is busier has no room for more: what comes unevenly would wait. */
const FULL = 0.97
/** So much is tried for all that, as it may be something else that keeps the loop busy. */
const LEAST_GROWTH = 0.002

/**
 * Refuses requests before the event loop lags, the least urgent first.
 *
 * Like CoDel (RFC 8289) it does not go by how long the queue is, nor by the worst delay, but by the least delay of an interval: a burst is
 * gone within one, a standing queue is not. Then it lets through less than was done in the interval before, by what lets the queue go within
 * the next one; and more as soon as the delay is below the target, by what was left of the event loop's time: without that it would have to
 * find out by queues where the limit is, again and again (p99 at three times the load: 8 to 9 times the usual one, against 2).
 * How that much is shared out goes by what arrived of each urgency (as DAGOR of WeChat does): the most urgent get all they ask for, one
 * urgency gets a part, the others nothing.
 *
 * When the load grows at once, the event loop takes in one turn all that came in the one before, which lasts the longer: three times the load
 * is three times the turn, each time. So a turn ends, too: once it has taken requests for some times the target, the rest is refused.
 */
export class LoadShedder {
  /** Requests refused, by urgency. */
  readonly shed = new Float64Array(URGENCIES)
  readonly #options: ShedderOptions
  readonly #arrived = new Float64Array(URGENCIES)
  readonly #shares = new Float64Array(URGENCIES).fill(1)
  readonly #credit = new Float64Array(URGENCIES)
  #shedding = false
  /** Requests a millisecond that are let through. */
  #allowed = Infinity
  #admitted = 0
  #finished = 0
  #inFlight = 0
  #since = 0
  #looks = 0
  #least = Infinity
  #delays = 0
  #calm = 0
  #shedSince = 0
  /** Of this turn: how many came, when the first did, and the urgency from which on they are refused. */
  #inTurn = 0
  #turnSince = 0
  #turnRefuses = URGENCIES

  constructor(options: ShedderOptions) {
    this.#options = options
  }

  get shedding(): boolean {
    return this.#shedding
  }

  /** Requests that were admitted and have not finished. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** A request comes. True: it is in, and `finished` follows. */
  admit(urgency = DEFAULT_URGENCY): boolean {
    this.#arrived[urgency]++
    if (this.#inTurn++ % CLOCK_EVERY === 0) this.#watchTurn()
    if (urgency >= this.#turnRefuses) return this.#refuse(urgency)
    const { maxRequests } = this.#options
    if (maxRequests > 0 && this.#inFlight >= maxRequests * shareOf(urgency)) return this.#refuse(urgency)
    if (this.#shedding && !this.#hasShare(urgency)) return this.#refuse(urgency)
    this.#admitted++
    this.#inFlight++
    return true
  }

  finished(): void {
    this.#finished++
    this.#inFlight--
  }

  /** The event loop was late by so much. */
  look(delayMs: number, now: number): void {
    if (this.#since === 0) this.#since = now
    this.#looks++
    this.#delays += delayMs
    if (delayMs < this.#least) this.#least = delayMs
    const elapsed = now - this.#since
    const tooLong = this.#turnRefuses < URGENCIES
    this.#inTurn = 0
    this.#turnRefuses = URGENCIES
    if (elapsed < this.#options.intervalMs || (this.#looks < MIN_LOOKS && !tooLong)) return
    this.#settle(elapsed)
    this.#since = now
    this.#looks = 0
    this.#least = Infinity
    this.#delays = 0
    this.#admitted = 0
    this.#finished = 0
    this.#arrived.fill(0)
  }

  #watchTurn(): void {
    const { targetMs, now = performance.now.bind(performance) } = this.#options
    if (targetMs === Infinity) return
    const at = now()
    const limit = (this.#shedding ? TURN_TARGETS_SHEDDING : TURN_TARGETS) * targetMs
    if (this.#inTurn === 1) this.#turnSince = at
    else if (at - this.#turnSince > 2 * limit) this.#turnRefuses = 0
    else if (at - this.#turnSince > limit) this.#turnRefuses = DEFAULT_URGENCY
  }

  /** Evenly spread, without chance: of two in three every third is refused. */
  #hasShare(urgency: number): boolean {
    const credit = this.#credit[urgency] + this.#shares[urgency]
    this.#credit[urgency] = credit >= 1 ? credit - 1 : credit
    return credit >= 1
  }

  #refuse(urgency: number): false {
    this.shed[urgency]++
    this.#shedSince++
    return false
  }

  #settle(elapsed: number): void {
    const { targetMs, utilisation } = this.#options
    // A queue shows in the usual delay first: that is no overload by itself, but no room for more either.
    const delay = this.#shedding ? Math.max(this.#least, this.#delays / this.#looks) : this.#least
    const arriving = sum(this.#arrived) / elapsed
    const busy = utilisation()
    if (delay > targetMs) {
      this.#calm = 0
      // What takes longer than an interval, as streams do, has not finished, and was served for all that.
      const done = Math.min(this.#admitted, Math.max(this.#finished, this.#admitted / 2)) / elapsed
      const kept = Math.max(LEAST_FACTOR, 1 - (delay - targetMs / 2) / elapsed)
      // Nothing grows from 0.
      this.#allowed = Math.max(1 / elapsed, Math.min(this.#allowed, done) * kept)
      if (!this.#shedding) {
        this.#shedding = true
        this.#shedSince = 0
        this.#report(delay, arriving)
      }
    } else if (this.#shedding) {
      this.#calm = arriving <= this.#allowed ? this.#calm + 1 : 0
      const growth = Math.min(GROWTH, Math.max(LEAST_GROWTH, FULL / busy - 1))
      // Not beyond what comes: a burst after a quiet time would find no limit.
      this.#allowed = Math.min(this.#allowed * (1 + growth), Math.max(arriving * 2, this.#allowed))
      if (this.#calm >= CALM_INTERVALS) {
        this.#shedding = false
        this.#allowed = Infinity
        this.#report(delay, arriving)
      }
    }
    if (this.#shedding) this.#share(this.#allowed * elapsed)
  }

  /** What is let through of each urgency in the next interval, if as much comes as in this one. */
  #share(budget: number): void {
    let left = budget
    for (let urgency = 0; urgency < URGENCIES; urgency++) {
      const arrived = this.#arrived[urgency]
      // Of those that did not come a few may, unless the more urgent use it all.
      this.#shares[urgency] = arrived === 0 ? (left > 0 ? 1 : 0) : Math.min(1, left / arrived)
      left = Math.max(0, left - arrived)
    }
  }

  #report(delayMs: number, arriving: number): void {
    const admitted = this.#allowed === Infinity ? arriving : this.#allowed
    this.#options.onChange?.(this.#shedding, {
      delayMs,
      arriving: arriving * 1_000,
      admitted: admitted * 1_000,
      shed: this.#shedSince,
    })
  }
}

const sum = (counts: Float64Array): number => counts.reduce((total, count) => total + count, 0)
