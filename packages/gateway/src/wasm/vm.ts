import type { CallAnswer, GuestContext } from './guest-context.ts'
import { GuestMemory } from './guest-memory.ts'
import type { LogLevel } from './abi.ts'
import { FUEL_EXPORT, START_EXPORT } from './module/bounded-module.ts'
import { engine, type WasmGlobal, type WasmMemory } from './module/engine.ts'
import type { FilterModule } from './module/filter-module.ts'
import { hostImports } from './host/imports.ts'
import type { WasmServices } from './services.ts'
import { VmFailure } from './vm-failure.ts'

type GuestFunction = (...numbers: number[]) => unknown

/** Starting may do more than a callback of a request: tables are built, configuration is read. */
const START_FUEL_FACTOR = 10
/** Bytes that host calls of one callback may copy, counting 64 for each call at least: a loop around one costs the host more than the guest. */
const MAX_COPIED_BYTES = 268_435_456

export interface VmOptions {
  /** Loops and calls of one callback; 0: not counted. */
  readonly fuel: number
  readonly services: WasmServices
  /** What the guest logs outside of any context. */
  readonly log: (level: LogLevel, message: string) => void
}

/** One machine: an instance of a module with its memory, and the contexts that live in it. */
export class Vm {
  readonly memory: GuestMemory
  readonly services: WasmServices
  /** Callbacks that the module exports. */
  readonly guest: Readonly<Record<string, GuestFunction | undefined>>
  /** The context that calls of the host are about. */
  effective: GuestContext | undefined = undefined
  callAnswer: CallAnswer | undefined = undefined
  failure: VmFailure | undefined = undefined
  readonly contexts = new Map<number, GuestContext>()
  readonly log: (level: LogLevel, message: string) => void
  private readonly fuel: number
  private readonly meter: WasmGlobal | undefined
  private readonly memoryBytes: WasmMemory
  private lastId = 0
  private running = false
  private copied = 0

  /** @throws VmFailure when it cannot start */
  constructor({ module, bounds }: FilterModule, { fuel, services, log }: VmOptions) {
    this.services = services
    this.log = log
    this.fuel = fuel
    let exports: Readonly<Record<string, unknown>>
    try {
      exports = new engine.Instance(module, hostImports(this, module)).exports
    } catch (cause) {
      throw new VmFailure(`the module could not be instantiated: ${reasonOf(cause)}`, cause)
    }
    this.guest = exports as Record<string, GuestFunction | undefined>
    this.memoryBytes = exports['memory'] as WasmMemory
    this.meter = bounds.metered ? (exports[FUEL_EXPORT] as WasmGlobal) : undefined
    const allocate = (this.guest['proxy_on_memory_allocate'] ?? this.guest['malloc']) as GuestFunction
    this.memory = new GuestMemory(this.memoryBytes, (size) => {
      const at = allocate(size)
      return typeof at === 'number' ? at : 0
    })
    this.start(START_EXPORT)
    if (this.guest['_initialize'] === undefined) this.start('_start')
    else {
      this.start('_initialize')
      this.start('main')
    }
  }

  /** A number that no context had before. */
  nextId(): number {
    // 2^31 requests are a month at 1,000 a second. Numbers of contexts that are still there are passed over.
    do this.lastId = this.lastId >= 0x7fff_ffff ? 1 : this.lastId + 1
    while (this.contexts.has(this.lastId))
    return this.lastId
  }

  /**
   * Calls the guest about a context.
   * @returns what it returned, 0 for nothing
   * @throws VmFailure; the machine is at its end then
   */
  call(context: GuestContext, callback: GuestFunction, a = 0, b = 0, c = 0, d = 0, e = 0): number {
    return this.run(context, callback, this.fuel, a, b, c, d, e)
  }

  /** The same for what happens once, with more fuel. */
  callStart(context: GuestContext, callback: GuestFunction, a = 0, b = 0): number {
    return this.run(context, callback, this.fuel * START_FUEL_FACTOR, a, b, 0, 0, 0)
  }

  /** A call of the host copies so many bytes for the guest. */
  charge(bytes: number): void {
    this.copied += bytes + 64
    if (this.copied > MAX_COPIED_BYTES)
      throw new VmFailure('the module asked the host to copy too much in one callback')
  }

  /** The machine is at its end. */
  fail(cause: unknown): VmFailure {
    const failure = this.failureOf(cause)
    if (this.failure !== undefined) return failure
    this.failure = failure
    for (const context of this.contexts.values()) context.onVmFailure()
    return failure
  }

  private start(name: string): void {
    const callback = this.guest[name]
    if (callback !== undefined) this.run(undefined, callback, this.fuel * START_FUEL_FACTOR, 0, 0, 0, 0, 0)
  }

  private run(
    context: GuestContext | undefined,
    callback: GuestFunction,
    fuel: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
  ): number {
    if (this.failure !== undefined) throw this.failure
    if (this.running) throw new Error('the machine is running: a call of the host led back into it')
    this.running = true
    this.effective = context
    this.copied = 0
    const { meter } = this
    if (meter !== undefined) meter.value = Math.min(fuel, 0x7fff_ffff)
    try {
      const result = callback(a, b, c, d, e)
      return typeof result === 'number' ? result : 0
    } catch (cause) {
      throw this.fail(cause)
    } finally {
      this.running = false
      this.effective = undefined
    }
  }

  private failureOf(cause: unknown): VmFailure {
    if (cause instanceof VmFailure) return cause
    const { meter } = this
    if (meter !== undefined && (meter.value as number) < 0)
      return new VmFailure('a callback ran for too long (max_fuel)', cause)
    return new VmFailure(`the module trapped: ${reasonOf(cause)}`, cause)
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
