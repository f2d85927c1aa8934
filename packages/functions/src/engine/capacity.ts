import type { Environment } from './environment.ts'

/** What can give up environments that do nothing. */
export interface IdleHolder {
  /** The environment that has been idle for longest and may end; undefined: none. */
  oldestIdle(): Environment | undefined
}

/**
 * How many environments there may be, and how much memory they may take together. Those that are ending do not count: their processes have been
 * killed. A frozen one counts with what it holds, not with what it might take.
 */
export class Capacity {
  readonly #maxEnvironments: number
  readonly #maxMemoryMb: number
  readonly #holders: () => Iterable<IdleHolder>
  environments = 0
  memoryMb = 0

  constructor(maxEnvironments: number, maxMemoryMb: number, holders: () => Iterable<IdleHolder>) {
    this.#maxEnvironments = maxEnvironments
    this.#maxMemoryMb = maxMemoryMb
    this.#holders = holders
  }

  /** Makes room for another environment by ending idle ones, the least recently used first. @returns whether there is room */
  makeRoom(memoryMb: number): boolean {
    while (this.environments >= this.#maxEnvironments || this.#tooMuch(memoryMb)) if (!this.#endOldest()) return false
    return true
  }

  enter(environment: Environment): void {
    this.environments++
    this.memoryMb += environment.weightMb
  }

  leave(environment: Environment): void {
    this.environments--
    this.memoryMb -= environment.weightMb
  }

  /** It was frozen or thawed. Others make way for one that thaws; where none can, memory is promised twice for a while. */
  weigh(environment: Environment, weightMb: number): void {
    this.memoryMb += weightMb - environment.weightMb
    environment.weightMb = weightMb
    while (this.#tooMuch(0)) if (!this.#endOldest()) return
  }

  /** One environment may always be there: else a function larger than the limit would never run, with a reason that nobody understands. */
  #tooMuch(more: number): boolean {
    return this.memoryMb + more > this.#maxMemoryMb && this.environments > (more === 0 ? 1 : 0)
  }

  #endOldest(): boolean {
    let oldest: Environment | undefined
    for (const holder of this.#holders()) {
      const candidate = holder.oldestIdle()
      if (candidate !== undefined && (oldest === undefined || candidate.idleSince < oldest.idleSince))
        oldest = candidate
    }
    oldest?.end('SPINDOWN')
    return oldest !== undefined
  }
}
