import type { LogLevel } from './abi.ts'
import type { CallAnswer } from './guest-context.ts'
import type { HttpContext } from './http-context.ts'
import type { GuestCall, GuestCalls } from './http-calls.ts'
import type { QueueOwner } from './shared-queues.ts'
import type { Vm } from './vm.ts'
import { VmFailure } from './vm-failure.ts'

/** A filter cannot ask for ticks closer than that. */
const MIN_TICK_MS = 10
/** Contexts of requests that are over, but which the guest has not finished (`proxy_on_done` returned false). */
const MAX_LINGERING = 1_000

/** What a filter is configured with; all of it is known when the configuration is. */
export interface RootSettings {
  /** Of the plugin, as a property shows it. */
  readonly name: string
  readonly rootId: string
  readonly vmId: string
  readonly vmConfiguration: Buffer
  readonly configuration: Buffer
  readonly calls: GuestCalls
  readonly log: (level: LogLevel, message: string) => void
  /** The machine failed in a call that no request waits for. */
  readonly onFailure: (failure: VmFailure) => void
}

/** The "plugin context" of the ABI: what a filter keeps for all requests of one configuration. */
export class RootContext implements QueueOwner {
  readonly kind = 'root'
  readonly id: number
  readonly vm: Vm
  readonly settings: RootSettings
  private readonly lingering = new Set<HttpContext>()
  private streams = 0
  private ticks: NodeJS.Timeout | undefined = undefined
  private calls = new Map<number, HttpContext | undefined>()
  private closing = false

  /** @throws VmFailure also when the guest refuses its configuration */
  constructor(vm: Vm, settings: RootSettings) {
    this.vm = vm
    this.settings = settings
    this.id = vm.nextId()
    const { guest } = vm
    vm.contexts.set(this.id, this)
    const { proxy_on_context_create: create, proxy_on_vm_start: start, proxy_on_configure: configure } = guest
    try {
      if (create !== undefined) vm.callStart(this, create, this.id, 0)
      if (start !== undefined && vm.callStart(this, start, this.id, settings.vmConfiguration.length) === 0)
        throw new VmFailure('the filter refuses to start (proxy_on_vm_start returned false)')
      if (configure !== undefined && vm.callStart(this, configure, this.id, settings.configuration.length) === 0)
        throw new VmFailure('the filter refuses its configuration (proxy_on_configure returned false)')
    } catch (error) {
      this.stop()
      throw error
    }
  }

  opened(): void {
    this.streams++
  }

  closed(context: HttpContext): void {
    this.streams--
    this.vm.contexts.delete(context.id)
    this.lingering.delete(context)
    if (this.closing && this.streams === 0) this.stop()
  }

  /** The guest wants to keep a context beyond its request, until it calls `proxy_done`. */
  linger(context: HttpContext): void {
    this.lingering.add(context)
    if (this.lingering.size <= MAX_LINGERING) return
    for (const oldest of this.lingering) {
      oldest.finish()
      return
    }
  }

  setTick(periodMs: number): void {
    clearInterval(this.ticks)
    this.ticks = undefined
    const { proxy_on_tick: tick } = this.vm.guest
    if (periodMs === 0 || tick === undefined) return
    const period = Math.min(Math.max(periodMs, MIN_TICK_MS), 0x7fff_ffff)
    this.ticks = setInterval(() => this.tell(tick, this.id), period)
    this.ticks.unref()
  }

  onQueueReady(token: number): void {
    const { proxy_on_queue_ready: ready } = this.vm.guest
    if (ready !== undefined) this.tell(ready, this.id, token)
  }

  /** @param from the request that it is made for */
  call(call: GuestCall, from: HttpContext | undefined): number | 'bad' | 'busy' {
    const token = this.vm.services.nextToken()
    const sent = this.settings.calls.send(call, (answer) => this.onAnswer(token, answer))
    if (sent !== 'ok') return sent
    this.calls.set(token, from)
    if (from !== undefined) from.pendingCalls++
    return token
  }

  /** The configuration is gone. Requests that began with it are finished first. */
  close(): void {
    this.closing = true
    for (const context of [...this.lingering]) context.finish()
    if (this.streams === 0) this.stop()
  }

  onVmFailure(): void {
    clearInterval(this.ticks)
    this.calls.clear()
  }

  private onAnswer(token: number, answer: CallAnswer | undefined): void {
    const from = this.calls.get(token)
    if (!this.calls.delete(token) || this.vm.failure !== undefined) return
    if (from !== undefined) from.pendingCalls--
    const { proxy_on_http_call_response: respond } = this.vm.guest
    if (respond === undefined) return
    // The number of pairs that the guest would read: `:status` stands before the fields. 0 says that there was no answer.
    const headers = answer === undefined ? 0 : answer.headers.size + 1
    this.vm.callAnswer = answer
    this.tell(respond, this.id, token, headers, answer?.body.length ?? 0, 0)
    this.vm.callAnswer = undefined
    from?.wake()
  }

  /** A call that no request waits for. */
  private tell(callback: (...numbers: number[]) => unknown, a: number, b = 0, c = 0, d = 0, e = 0): void {
    // A queue may still know it.
    if (this.vm.failure !== undefined || !this.vm.contexts.has(this.id)) return
    try {
      this.vm.call(this, callback, a, b, c, d, e)
    } catch (error) {
      if (!(error instanceof VmFailure)) throw error
      this.settings.onFailure(error)
    }
  }

  private stop(): void {
    clearInterval(this.ticks)
    this.ticks = undefined
    this.calls.clear()
    if (this.vm.failure !== undefined || !this.vm.contexts.delete(this.id)) return
    const { proxy_on_done: done, proxy_on_delete: remove } = this.vm.guest
    try {
      if (done !== undefined) this.vm.call(this, done, this.id)
      if (remove !== undefined) this.vm.call(this, remove, this.id)
    } catch (error) {
      if (!(error instanceof VmFailure)) throw error
      this.settings.onFailure(error)
    }
  }
}
