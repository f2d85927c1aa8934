import type { ControlContext } from '@sekisho/proxy/server'

/** Whether this node should be sent requests: every worker serves, with its configuration, and no stop was ordered. */
export class Readiness {
  private readonly count: number
  private readonly serving = new Set<number>()
  private stopping = false

  constructor(control: Pick<ControlContext, 'count' | 'onWorkerServing' | 'onWorkerExit' | 'onUnready' | 'onDrain'>) {
    this.count = control.count
    control.onWorkerServing((index) => this.serving.add(index))
    control.onWorkerExit((index) => this.serving.delete(index))
    control.onUnready(() => {
      this.stopping = true
    })
    control.onDrain(({ last }) => {
      this.stopping ||= last
    })
  }

  /** What is in the way; undefined: nothing. */
  get missing(): string | undefined {
    if (this.stopping) return 'the gateway stops'
    return this.serving.size < this.count ? 'not all workers have their configuration' : undefined
  }
}
