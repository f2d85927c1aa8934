/** What was opened, closed in the opposite order: by a stop, or when a later part could not be opened. */
export class Closers {
  private readonly stack: (() => Promise<void> | void)[] = []

  add(close: () => Promise<void> | void): void {
    this.stack.push(close)
  }

  /** Closes all, also when one fails; then throws the first failure. */
  async close(): Promise<void> {
    let failure: unknown
    for (let close = this.stack.pop(); close !== undefined; close = this.stack.pop()) {
      try {
        await close()
      } catch (error) {
        failure ??= error
      }
    }
    if (failure !== undefined) throw failure
  }
}
