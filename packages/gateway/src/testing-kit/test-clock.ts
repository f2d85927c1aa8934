interface Timer {
  readonly id: number
  readonly run: () => void
  readonly waitMs: number
  dueAt: number
  /** undefined: it runs once. */
  readonly everyMs: number | undefined
}

/** What `setTimeout` gives back. */
class TimerHandle {
  readonly id: number
  private readonly clock: TestClock
  constructor(clock: TestClock, id: number) {
    this.clock = clock
    this.id = id
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
  hasRef(): boolean {
    return true
  }
  refresh(): this {
    this.clock.refresh(this.id)
    return this
  }
  close(): this {
    this.clock.clear(this)
    return this
  }
  [Symbol.toPrimitive](): number {
    return this.id
  }
}

/** Turns of the event loop in which what can go on without time passing does. */
const TURNS = 12

/**
 * Time that passes when the test says so: takes the place of `Date`, `performance.now`, `setTimeout` and `setInterval` in this thread, until
 * `restore`. Start it before the gateway. Sockets and `setImmediate` go on by themselves, `node:timers` too.
 */
export class TestClock {
  private readonly real = { ...pick(), performanceNow: performance.now.bind(performance) }
  private readonly timers = new Map<number, Timer>()
  private readonly startedAt: number
  private elapsed = 0
  private ids = 0

  /** @param at milliseconds since 1970, or a date. Default: 2030-01-01T00:00:00Z */
  constructor(at: number | Date | string = '2030-01-01T00:00:00Z') {
    this.startedAt = new Date(at).getTime()
    const now = (): number => this.now()
    const RealDate = this.real.Date
    const FakeDate = class extends RealDate {
      constructor(...args: unknown[]) {
        super(...((args.length === 0 ? [now()] : args) as [number]))
      }
      static override now(): number {
        return now()
      }
    }
    const set = (everyMs: (ms: number) => number | undefined) =>
      ((callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
        const wait = Math.max(1, Number(ms) || 1)
        const id = ++this.ids
        const run = (): void => callback(...args)
        this.timers.set(id, { id, run, waitMs: wait, dueAt: this.elapsed + wait, everyMs: everyMs(wait) })
        return new TimerHandle(this, id)
      }) as unknown as typeof setTimeout
    const clear = ((handle: unknown) => this.clear(handle)) as typeof clearTimeout
    Object.assign(globalThis, {
      Date: FakeDate,
      setTimeout: set(() => undefined),
      setInterval: set((ms) => ms),
      clearTimeout: clear,
      clearInterval: clear,
    })
    performance.now = () => this.elapsed
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.startedAt + this.elapsed
  }

  /** Lets so much time pass: timers that are due run in their order, and what waited for them goes on. */
  async pass(ms: number): Promise<void> {
    const until = this.elapsed + ms
    await this.settle()
    for (let next = this.next(until); next !== undefined; next = this.next(until)) {
      this.elapsed = next.dueAt
      if (next.everyMs === undefined) this.timers.delete(next.id)
      else next.dueAt += next.everyMs
      next.run()
      await this.settle()
    }
    this.elapsed = until
    await this.settle()
  }

  /** Gives the real clock back. Timers that have not run never will. */
  restore(): void {
    const { performanceNow, ...real } = this.real
    Object.assign(globalThis, real)
    performance.now = performanceNow
    this.timers.clear()
  }

  /** `clearTimeout`. */
  clear(handle: unknown): void {
    if (handle instanceof TimerHandle) this.timers.delete(handle.id)
    else if (typeof handle === 'number') this.timers.delete(handle)
    // A timer from before this clock.
    else if (handle !== undefined && handle !== null) this.real.clearTimeout(handle as NodeJS.Timeout)
  }

  /** The timer of that number begins anew. */
  refresh(id: number): void {
    const timer = this.timers.get(id)
    if (timer !== undefined) timer.dueAt = this.elapsed + timer.waitMs
  }

  private next(until: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.timers.values())
      if (timer.dueAt <= until && (first === undefined || timer.dueAt < first.dueAt)) first = timer
    return first
  }

  private async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

const pick = () => ({
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
})
