import type { FilterModule } from './module/filter-module.ts'
import { Vm, type VmOptions } from './vm.ts'
import { VmFailure } from './vm-failure.ts'

/** The second failure within so long makes the next start wait; each that follows makes it wait twice as long, up to the maximum. */
const STEADY_MS = 10_000
const FIRST_WAIT_MS = 100
const MAX_WAIT_MS = 30_000

/** The machine of a module in one worker, for all filters that have it; a new one is made when it fails. */
export class SharedVm {
  readonly module: FilterModule
  places = 0
  private readonly options: VmOptions
  private vm: Vm | undefined = undefined
  private startedAt = 0
  private waitMs = 0
  private retryAt = 0
  private lastFailure: VmFailure | undefined = undefined

  constructor(module: FilterModule, options: VmOptions) {
    this.module = module
    this.options = options
  }

  /**
   * The machine, started if none runs.
   * @returns why there is none, while one that failed is not started again yet
   */
  running(): Vm | VmFailure {
    const { vm } = this
    if (vm !== undefined && vm.failure === undefined) return vm
    if (vm !== undefined) this.failed(vm.failure as VmFailure)
    const now = performance.now()
    if (this.lastFailure !== undefined && now < this.retryAt) return this.lastFailure
    this.startedAt = now
    try {
      return (this.vm = new Vm(this.module, this.options))
    } catch (cause) {
      const failure = cause instanceof VmFailure ? cause : new VmFailure(String(cause), cause)
      this.failed(failure)
      return failure
    }
  }

  private failed(failure: VmFailure): void {
    const now = performance.now()
    this.vm = undefined
    this.lastFailure = failure
    const steady = now - this.startedAt > STEADY_MS
    this.retryAt = now + (steady ? 0 : this.waitMs)
    this.waitMs = steady ? FIRST_WAIT_MS : Math.min(Math.max(this.waitMs * 2, FIRST_WAIT_MS), MAX_WAIT_MS)
  }
}

/** The machines of a worker: one for each module, `vm_id` and bounds. */
export class VmPool {
  private readonly vms = new Map<string, SharedVm>()

  take(key: string, make: () => SharedVm): SharedVm {
    let shared = this.vms.get(key)
    if (shared === undefined) this.vms.set(key, (shared = make()))
    shared.places++
    return shared
  }

  giveBack(key: string, shared: SharedVm): void {
    if (--shared.places === 0 && this.vms.get(key) === shared) this.vms.delete(key)
  }

  get size(): number {
    return this.vms.size
  }
}
