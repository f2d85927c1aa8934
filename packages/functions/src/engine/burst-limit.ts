/** A limit for how fast a function may grow: so many environments in a stretch of time. */
export class BurstLimit {
  readonly #environments: number
  readonly #perMs: number
  #since = -Infinity
  #started = 0

  constructor(limit: { readonly environments: number; readonly perMs: number }) {
    this.#environments = limit.environments
    this.#perMs = limit.perMs
  }

  take(now: number): boolean {
    if (now - this.#since >= this.#perMs) {
      this.#since = now
      this.#started = 0
    }
    if (this.#started >= this.#environments) return false
    this.#started++
    return true
  }
}
