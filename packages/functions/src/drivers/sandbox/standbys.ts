import type { ControlGroup } from '../cgroup/control-group.ts'
import type { WrittenLauncher } from '../launcher/write-launcher.ts'
import { Standby } from './standby.ts'

/** So many stand ready: a burst of starts beyond them pays for making its own. */
const READY = 8
/** New ones are made when the start that took one is over, as both want the engine's thread. */
const REFILL_AFTER_MS = 50

export interface StandbyParts {
  readonly launcher: WrittenLauncher
  /** Whether what the tool itself takes counts as the function's. */
  readonly joins: boolean
  readonly makeGroup: () => ControlGroup
}

/** Processes and control groups made ahead, so that a cold start pays neither for fork(2) of a large engine nor for joining a group. */
export class Standbys {
  private readonly parts: StandbyParts
  private readonly ready: Standby[] = []
  private refill: NodeJS.Timeout | undefined

  constructor(parts: StandbyParts) {
    this.parts = parts
    this.fill()
  }

  take(): Standby {
    clearTimeout(this.refill)
    this.refill = setTimeout(() => this.fill(), REFILL_AFTER_MS).unref()
    return this.ready.shift() ?? this.make()
  }

  async close(): Promise<void> {
    clearTimeout(this.refill)
    const left = this.ready.splice(0)
    for (const { child } of left) child.kill('SIGKILL')
    for (const { group } of left) await group.remove()
  }

  /** One in each turn of the event loop: other work waits for one at the most. */
  private fill(): void {
    if (this.ready.length >= READY) return
    const standby = this.make()
    this.ready.push(standby)
    standby.child.once('exit', () => this.forget(standby))
    this.refill = setTimeout(() => this.fill(), 1).unref()
  }

  private make(): Standby {
    const { launcher, joins, makeGroup } = this.parts
    return new Standby(launcher, makeGroup(), joins)
  }

  /** Somebody killed it while it waited. */
  private forget(standby: Standby): void {
    const at = this.ready.indexOf(standby)
    if (at < 0) return
    this.ready.splice(at, 1)
    standby.group.remove().catch(() => undefined)
  }
}
