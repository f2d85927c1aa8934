import type { ExpiryClock } from '../expiry.ts'

/** Time passes when the test says so. It starts now, so that times in the history look real. */
export class FakeClock implements ExpiryClock {
  #now = Date.now()
  readonly #timers = new Map<object, { readonly at: number; readonly action: () => void }>()

  readonly now = (): number => this.#now

  readonly after = (ms: number, action: () => void): (() => void) => {
    const timer = {}
    this.#timers.set(timer, { at: this.#now + ms, action })
    return () => void this.#timers.delete(timer)
  }

  get timers(): number {
    return this.#timers.size
  }

  pass(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const [timer, next] =
        [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0] ?? []
      if (timer === undefined || next === undefined) break
      this.#timers.delete(timer)
      this.#now = Math.max(this.#now, next.at)
      next.action()
    }
    this.#now = end
  }
}
