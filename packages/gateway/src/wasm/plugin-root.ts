import type { GatewaySession } from '../session.ts'
import { HttpContext } from './http-context.ts'
import { RootContext, type RootSettings } from './root-context.ts'
import { VmFailure } from './vm-failure.ts'
import type { SharedVm } from './vm-pool.ts'

/** One filter in its place: its root context in the machine that runs now, and in the next when that fails. */
export class PluginRoot {
  readonly shared: SharedVm
  private readonly settings: RootSettings
  private root: RootContext | undefined = undefined

  constructor(shared: SharedVm, settings: RootSettings) {
    this.shared = shared
    this.settings = settings
  }

  /**
   * A context for a request.
   * @returns why there is none
   */
  open(session: GatewaySession): HttpContext | VmFailure {
    try {
      const { root } = this
      return new HttpContext(root !== undefined && root.vm.failure === undefined ? root : this.started(), session)
    } catch (error) {
      if (!(error instanceof VmFailure)) throw error
      this.settings.onFailure(error)
      return error
    }
  }

  report(failure: VmFailure): void {
    this.settings.onFailure(failure)
  }

  close(): void {
    this.root?.close()
    this.root = undefined
  }

  private started(): RootContext {
    const vm = this.shared.running()
    if (vm instanceof VmFailure) throw vm
    this.root = new RootContext(vm, this.settings)
    return this.root
  }
}
