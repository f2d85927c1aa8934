/** A lock of threads, in one cell of shared memory. It is held for microseconds. */
export class SharedLock {
  private readonly cells: Int32Array
  private readonly at: number

  constructor(cells: Int32Array, at: number) {
    this.cells = cells
    this.at = at
  }

  /** @returns false when whoever held it must have died: it is ours now, and what it guards may be half changed */
  acquire(): boolean {
    const { cells, at } = this
    if (Atomics.compareExchange(cells, at, 0, 1) === 0) return true
    for (let spins = 0; spins < SPINS; spins++) if (Atomics.compareExchange(cells, at, 0, 1) === 0) return true
    const until = performance.now() + TAKEOVER_MS
    while (Atomics.compareExchange(cells, at, 0, 1) !== 0) {
      if (performance.now() > until) return false
      Atomics.wait(cells, at, 1, NAP_MS)
    }
    return true
  }

  release(): void {
    Atomics.store(this.cells, this.at, 0)
  }
}

/** 200 x about 5 ns = 1 µs: then the holder was descheduled. */
const SPINS = 200
const NAP_MS = 0.05
/** A thousand times what it is ever held for. */
const TAKEOVER_MS = 1_000
