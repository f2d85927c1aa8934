import type { FoundNode, ServiceListener } from '../source.ts'

/** Keeps what a source tells, and waits for more. */
export class RecordingListener implements ServiceListener {
  readonly answers: (readonly FoundNode[])[] = []
  readonly errors: string[] = []
  private waiting: (() => void)[] = []

  found(nodes: readonly FoundNode[]): void {
    this.answers.push(nodes)
    this.wake()
  }

  failed(error: Error): void {
    this.errors.push(error.message)
    this.wake()
  }

  /** Addresses of the last answer. */
  get last(): string[] {
    return (this.answers.at(-1) ?? []).map(({ host, port }) => `${host}:${port}`).toSorted()
  }

  /** Resolves when it holds, now or after one of the next answers and failures. */
  async until(holds: (listener: this) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  private wake(): void {
    for (const wake of this.waiting.splice(0)) wake()
  }
}
