/** Requests in flight on one node. */
export interface InFlightCount {
  /** Of all who count here. */
  readonly value: number
  started(): void
  /** The same, unless there are `limit` already: of all who count here, never more get in. */
  tryStart(limit: number): boolean
  /** Each follows one `started` of the same thread. */
  finished(): void
}

/** How far a rotation has come. */
export interface Rotation {
  /** Counts up from 0 and begins again after 2^32 - 1. */
  next(): number
}

/** Where a balancer keeps what several threads should agree on. The same name is the same count. */
export interface BalancingCounts {
  inFlight(name: string): InFlightCount
  /** Undefined: there is nothing to agree on, and a balancer rotates by itself. */
  rotation(name: string): Rotation | undefined
}

/** Counts of one thread. */
export const LOCAL_COUNTS: BalancingCounts = {
  inFlight: () => new LocalInFlight(),
  rotation: () => undefined,
}

class LocalInFlight implements InFlightCount {
  value = 0

  started(): void {
    this.value++
  }

  tryStart(limit: number): boolean {
    if (this.value >= limit) return false
    this.value++
    return true
  }

  finished(): void {
    if (this.value > 0) this.value--
  }
}
