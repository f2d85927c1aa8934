/** Sends a pending answer to all workers; `undefined` takes it back. */
export type SendChallenge = (sequence: number, token: string, answer: string | undefined) => void

/** A worker that hangs must not hang an order. */
const ANSWERS_WITHIN_MS = 10_000

interface Waiting {
  readonly sequence: number
  readonly workers: Set<number>
  readonly done: () => void
}

/** On the control thread: the answers to challenges that are pending, and which workers know them. */
export class ChallengeBoard {
  private readonly send: SendChallenge
  private readonly answers = new Map<string, string>()
  private readonly workers = new Set<number>()
  private readonly waiting = new Set<Waiting>()
  private sequence = 0

  constructor(send: SendChallenge) {
    this.send = send
  }

  /** For a worker that starts now. */
  get pending(): ReadonlyMap<string, string> {
    return this.answers
  }

  workerStarted(index: number): void {
    this.workers.add(index)
  }

  workerEnded(index: number): void {
    this.workers.delete(index)
    this.settle(index)
  }

  /** A worker answers with it from now on. */
  acknowledged(index: number, sequence: number): void {
    this.settle(index, sequence)
  }

  /** Resolves when every worker would answer: the authority's request may meet any of them. */
  publish(token: string, answer: string): Promise<void> {
    this.answers.set(token, answer)
    return this.tell(token, answer)
  }

  withdraw(token: string): void {
    this.answers.delete(token)
    this.send(++this.sequence, token, undefined)
  }

  private tell(token: string, answer: string): Promise<void> {
    const sequence = ++this.sequence
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiting.done(), ANSWERS_WITHIN_MS)
      timer.unref()
      const waiting: Waiting = {
        sequence,
        workers: new Set(this.workers),
        done: () => {
          clearTimeout(timer)
          this.waiting.delete(waiting)
          resolve()
        },
      }
      this.waiting.add(waiting)
      this.send(sequence, token, answer)
      if (waiting.workers.size === 0) waiting.done()
    })
  }

  private settle(index: number, sequence?: number): void {
    for (const waiting of this.waiting) {
      if (sequence !== undefined && waiting.sequence !== sequence) continue
      waiting.workers.delete(index)
      if (waiting.workers.size === 0) waiting.done()
    }
  }
}
