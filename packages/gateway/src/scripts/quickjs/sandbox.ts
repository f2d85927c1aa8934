import type { QuickJSHandle } from 'quickjs-emscripten-core'
import { CALLS, KINDS, OUTCOMES } from '../facade.ts'
import { type HostValue, perform } from '../perform.ts'
import { Run } from '../run.ts'
import type { ScriptArgument } from '../script.ts'
import { ScriptFailure } from '../script-failure.ts'
import { DEFAULT_BODY_BYTES } from '../session-view.ts'
import { programOf } from '../source-text.ts'
import type { Realm } from './realm.ts'

/** Loops and calls between two looks at the clock: less than a millisecond of work. */
const FUEL_SLICE = 100_000
/** A function that had its time by the clock and did less than so much in each millisecond did not run: the machine did something else. Then it has more, up to ten times as much. */
const MIN_FUEL_PER_MS = 20_000
const STALL_FACTOR = 10
/** A call of the host, in loops and calls of the guest; each character or byte that crosses, either way, counts one more. */
const CALL_FUEL = 500
/** How much longer than it may a built-in function runs before the machine is given up: QuickJS stops by itself between steps. */
const GRACE_MS = 5
/** Steps of asynchronous functions between two looks at the clock. */
const JOBS_AT_A_TIME = 32
/** The text of functions may do so much more when it is first read than in a request: build sets and tables. */
const START_FACTOR = 4

/** It ran for too long within a built-in function; what was on its stack is gone, and the machine with it. */
class Overrun extends Error {}

/** The functions of one place in a realm of their own. */
export class SandboxedFunctions {
  private readonly realm: Realm
  private readonly functions: QuickJSHandle[] = []
  private readonly runs = new Map<number, Run>()
  private nextId = 1
  private deadline = Infinity
  private allowedMs = 0
  /** Loops and calls since it was entered, to the last look at the clock, and calls of the host. */
  private spent = 0
  private timedOut = false
  /** Why it can run no more. */
  lost: ScriptFailure | undefined = undefined

  /** @throws ScriptFailure when one of them is none, or its text does not run */
  constructor(realm: Realm, sources: readonly string[], timeoutMs: number, memoryBytes: number) {
    this.realm = realm
    realm.machine.memory.limit(memoryBytes)
    realm.interrupt = () => this.isLate()
    realm.machine.onEmpty = () => this.refuel()
    realm.host = (call, request, a, b, c, d) => this.called(call, request, a, b, c, d)
    this.within(timeoutMs * START_FACTOR, () => {
      for (const [index, source] of sources.entries()) this.functions.push(this.compiled(source, `functions[${index}]`))
    })
  }

  /** @throws ScriptFailure; the promise rejects with it */
  run(index: number, run: Run, given: readonly ScriptArgument[]): unknown {
    if (this.lost !== undefined) throw this.lost
    const id = this.nextId++
    this.runs.set(id, run)
    let waits = false
    try {
      this.enter(run, () => this.invoke(index, id, run, given))
      if (run.done) return run.result()
      if (run.waitsFor === 0) throw neverSettles()
      waits = true
      return run.promise().finally(() => this.runs.delete(id))
    } finally {
      if (!waits) this.runs.delete(id)
    }
  }

  /** The functions that wait for something get an error. */
  close(): void {
    this.lost ??= new ScriptFailure('sandbox', 'the configuration of the function is gone')
    for (const run of this.runs.values()) run.settle(this.lost)
    this.runs.clear()
  }

  private compiled(source: string, file: string): QuickJSHandle {
    const { context } = this.realm
    const value = this.realm.evaluated(programOf(source), file)
    if (context.typeof(value) !== 'function') throw new ScriptFailure('error', `${file} is not a function`)
    return value
  }

  private invoke(index: number, id: number, run: Run, given: readonly ScriptArgument[]): void {
    const { realm } = this
    const { context } = realm
    const [first, second] = given
    const kind = given.length === 0 ? KINDS.nothing : first instanceof Uint8Array ? KINDS.bytes : KINDS.json
    const value = kind === KINDS.json ? JSON.stringify(given) : kind === KINDS.bytes ? (first as Uint8Array) : undefined
    const handles = [context.newNumber(id), context.newNumber(kind), realm.toGuest(value)]
    const end = second === true ? context.true : context.false
    const result = context.callFunction(
      realm.invoke,
      context.undefined,
      this.functions[index] as QuickJSHandle,
      ...handles,
      end,
    )
    for (const handle of handles) handle.dispose()
    if (result.error !== undefined) throw this.uncatchable()
    const outcome = context.getNumber(result.value)
    result.value.dispose()
    if (outcome === OUTCOMES.nothing) run.finish(undefined)
  }

  /** Runs until nothing is left to do, within the time that is left to a request. */
  private enter(run: Run, action: () => void): void {
    const startedAt = performance.now()
    try {
      this.within(run.leftMs, () => {
        action()
        const { runtime } = this.realm
        while (runtime.hasPendingJob()) {
          const result = runtime.executePendingJobs(JOBS_AT_A_TIME)
          result.dispose()
          if (this.isLate()) throw tooLong()
        }
      })
    } catch (error) {
      // What is left to do would be done in the time of the next request.
      if (this.lost === undefined && this.realm.runtime.hasPendingJob()) this.lose(error as ScriptFailure)
      throw error
    } finally {
      run.leftMs -= performance.now() - startedAt
    }
    // It was denied memory: it may have kept what fills it.
    if (run.error !== undefined && this.realm.machine.memory.denied) throw this.lose(tooLarge())
  }

  private within(ms: number, action: () => void): void {
    const { machine } = this.realm
    this.allowedMs = ms
    this.deadline = performance.now() + ms
    this.spent = 0
    this.timedOut = false
    machine.memory.denied = false
    machine.fuel.value = FUEL_SLICE
    try {
      action()
    } catch (cause) {
      throw this.failureOf(cause)
    } finally {
      // What the host does outside of a run, as disposing, is not measured.
      this.deadline = Infinity
      if (this.lost === undefined) machine.fuel.value = 0x7fff_ffff
    }
    if (this.lost !== undefined) throw this.lost
    if (this.timedOut) throw tooLong()
  }

  private isLate(graceMs = 0): boolean {
    if (this.lost === undefined) {
      const over = performance.now() - this.deadline - graceMs
      if (over <= 0) return false
      const spent = this.spent + FUEL_SLICE - (this.realm.machine.fuel.value as number)
      if (spent < this.allowedMs * MIN_FUEL_PER_MS && over < this.allowedMs * (STALL_FACTOR - 1)) return false
    }
    return (this.timedOut = true)
  }

  private refuel(): void {
    this.spent += FUEL_SLICE
    this.realm.machine.fuel.value = FUEL_SLICE
    // Thrown within a call of the host it would be an error that the function catches. It comes soon enough after that.
    if (this.realm.inHost || !this.isLate(GRACE_MS)) return
    this.lose(tooLong())
    throw new Overrun('too long')
  }

  private called(call: number, id: number, a: HostValue, b: HostValue, c: HostValue, d: HostValue): HostValue {
    const run = this.runs.get(id)
    this.spent += CALL_FUEL + sizeOf(a) + sizeOf(b) + sizeOf(c)
    const converts = call === CALLS.decode || call === CALLS.encode
    if (converts && !this.isLate()) return perform(undefined as never, call, a, b, c, d)
    if (run === undefined) throw new TypeError('the request is over')
    if (call === CALLS.failed) return run.fail(a as string)
    if (call === CALLS.finished) return run.finish(valueOf(a as number, b))
    // A call costs the host more than the guest, which is asked for the time every 10,000 steps.
    if (this.isLate()) throw new RangeError('the time is up')
    if (call === CALLS.readBody) return this.read(run, id, a as number)
    const value = perform(run.view, call, a, b, c, d)
    this.spent += sizeOf(value)
    return value
  }

  private read(run: Run, id: number, limit: number): undefined {
    const reading = run.view.readBody(limit || DEFAULT_BODY_BYTES)
    run.waitsFor++
    reading.then(
      (body) => this.resume(run, id, body),
      (error: unknown) => {
        run.waitError = error
        this.resume(run, id, 'the body of the request could not be read')
      },
    )
  }

  private resume(run: Run, id: number, given: Uint8Array | string): void {
    run.waitsFor--
    if (this.lost !== undefined || run.done || !this.runs.has(id)) return run.settle(this.lost)
    try {
      this.enter(run, () => {
        const { context } = this.realm
        const handles = [
          context.newNumber(id),
          typeof given === 'string' ? context.false : context.true,
          this.realm.toGuest(given),
        ]
        const result = context.callFunction(this.realm.settle, context.undefined, ...handles)
        for (const handle of handles) handle.dispose()
        if (result.error !== undefined) throw this.uncatchable()
        result.value.dispose()
      })
      if (run.done) run.settle()
      else if (run.waitsFor === 0) run.settle(neverSettles())
    } catch (error) {
      run.settle(error)
    }
  }

  /** What the facade could not catch: an end that QuickJS put to it. */
  private uncatchable(): ScriptFailure {
    return this.timedOut ? tooLong() : this.lose(tooLarge())
  }

  private failureOf(cause: unknown): ScriptFailure {
    if (this.lost !== undefined) return this.lost
    if (cause instanceof ScriptFailure) return cause
    if (this.timedOut) return tooLong()
    if (this.realm.machine.memory.denied) return this.lose(tooLarge())
    // unwrapResult throws what QuickJS threw as an Error with a cause: where its own text failed.
    const thrown = (cause as { cause?: { name?: string; message?: string; stack?: string } }).cause
    if (typeof thrown?.message === 'string')
      return new ScriptFailure('error', `${thrown.name}: ${thrown.message}\n${thrown.stack ?? ''}`)
    return this.lose(new ScriptFailure('sandbox', `the sandbox broke: ${(cause as Error).message}`, cause))
  }

  /** The machine is in no state to be used any more. Those who wait for it are told. */
  private lose(failure: ScriptFailure): ScriptFailure {
    if (this.lost !== undefined) return this.lost
    this.lost = failure
    for (const run of this.runs.values())
      run.settle(new ScriptFailure('sandbox', 'the sandbox was lost to another request'))
    return failure
  }
}

const tooLong = (): ScriptFailure => new ScriptFailure('timeout', 'ran for longer than "timeout"')
const tooLarge = (): ScriptFailure => new ScriptFailure('memory', 'used more than "memory"')
const neverSettles = (): ScriptFailure =>
  new ScriptFailure(
    'error',
    'waits for a promise that never settles: nothing but the body of the request can be waited for',
  )

const sizeOf = (value: HostValue): number => (typeof value === 'object' || typeof value === 'string' ? value.length : 0)

const valueOf = (kind: number, value: HostValue): unknown =>
  kind === KINDS.json ? (JSON.parse(value as string) as unknown) : value
