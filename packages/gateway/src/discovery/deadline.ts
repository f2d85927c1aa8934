/** A signal that is aborted with its parent, or when its time is over. `AbortSignal.any` is not used: Node.js 20 may collect what it made. */
export class Deadline {
  timedOut = false
  private readonly controller = new AbortController()
  private readonly timer: NodeJS.Timeout | undefined
  private readonly parent: AbortSignal
  private readonly stop = (): void => this.controller.abort()

  /** @param limitMs undefined: no limit */
  constructor(parent: AbortSignal, limitMs?: number) {
    this.parent = parent
    if (parent.aborted) this.stop()
    else parent.addEventListener('abort', this.stop)
    if (limitMs === undefined) return
    this.timer = setTimeout(() => {
      this.timedOut = true
      this.controller.abort()
    }, limitMs)
    this.timer.unref()
  }

  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** What it was for is done. */
  end(): void {
    clearTimeout(this.timer)
    this.parent.removeEventListener('abort', this.stop)
  }

  /** As the parent does. */
  abort(): void {
    this.end()
    this.controller.abort()
  }
}
