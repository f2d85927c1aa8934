/** A node hears of a change in milliseconds; after a broken connection it takes up to 6 s to notice and one to connect. */
const PATIENCE_MS = 10_000

interface Waiting {
  readonly revision: number
  readonly passed: (inTime: boolean) => void
}

/** Waits until watchers were told of all changes up to a revision. */
export class RevisionGate {
  #revision = 0
  readonly #waiting = new Set<Waiting>()

  /** All up to here were told. */
  pass(revision: number): void {
    if (revision > this.#revision) this.#revision = revision
    for (const one of this.#waiting) if (one.revision <= this.#revision) one.passed(true)
  }

  /** As `pass`, where revisions count from anew: whoever waits for one of before waits no more. */
  restart(revision: number): void {
    this.#revision = revision
    this.open()
  }

  /** Nobody waits any more. */
  open(): void {
    for (const one of this.#waiting) one.passed(true)
  }

  /** @returns false when that takes too long */
  reach(revision: number): Promise<boolean> {
    if (revision <= this.#revision) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = setTimeout(() => one.passed(false), PATIENCE_MS)
      const one: Waiting = {
        revision,
        passed: (inTime) => {
          clearTimeout(timer)
          this.#waiting.delete(one)
          resolve(inTime)
        },
      }
      this.#waiting.add(one)
    })
  }
}
