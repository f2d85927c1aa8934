/** Lets so many tasks through at a time; the others wait in order. Who waits is bounded by its users: each node has one probe at most. */
export class ProbeGate {
  private readonly limit: number
  private running = 0
  private readonly waiting: (() => void)[] = []

  constructor(limit: number) {
    this.limit = limit
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.running >= this.limit) await new Promise<void>((resolve) => this.waiting.push(resolve))
    else this.running++
    try {
      return await task()
    } finally {
      // The place passes on to the next in line, or is free.
      const next = this.waiting.shift()
      if (next === undefined) this.running--
      else next()
    }
  }
}
