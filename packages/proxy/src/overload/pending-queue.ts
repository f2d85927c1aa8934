import { URGENCIES } from './urgency.ts'

/** A request that waits for a place. One of both is called, once. */
export interface Waiter {
  /** It has a place now. */
  onAdmitted(): void
  /** Its time is over, or its place in the queue went to a more urgent one. */
  onRefused(reason: 'pending_timeout' | 'max_pending_requests'): void
}

interface Entry {
  readonly waiter: Waiter
  readonly until: number
}

/** Requests that wait, the most urgent first, else as they came. Whoever owns it bounds how many. */
export class PendingQueue {
  size = 0
  readonly #byUrgency: Entry[][] = Array.from({ length: URGENCIES }, () => [])

  /** The urgency of the first in line; URGENCIES when nobody waits. */
  get first(): number {
    let urgency = 0
    while (urgency < URGENCIES && this.#byUrgency[urgency].length === 0) urgency++
    return urgency
  }

  push(waiter: Waiter, urgency: number, until: number): void {
    this.#byUrgency[urgency].push({ waiter, until })
    this.size++
  }

  shift(): Waiter | undefined {
    const entry = this.#byUrgency[this.first]?.shift()
    if (entry !== undefined) this.size--
    return entry?.waiter
  }

  /** Takes out the one that is least urgent and came last, if it is less urgent than that. */
  displace(urgency: number): Waiter | undefined {
    for (let at = URGENCIES - 1; at > urgency; at--) {
      const entry = this.#byUrgency[at].pop()
      if (entry === undefined) continue
      this.size--
      return entry.waiter
    }
    return undefined
  }

  /** @returns false when it does not wait (any more) */
  remove(waiter: Waiter): boolean {
    for (const entries of this.#byUrgency) {
      const at = entries.findIndex((entry) => entry.waiter === waiter)
      if (at < 0) continue
      entries.splice(at, 1)
      this.size--
      return true
    }
    return false
  }

  /** Takes out one whose time is over: all of one urgency wait equally long, so the first is the oldest. */
  shiftExpired(now: number): Waiter | undefined {
    for (const entries of this.#byUrgency) {
      if (entries.length === 0 || entries[0].until > now) continue
      this.size--
      return entries.shift()?.waiter
    }
    return undefined
  }
}
