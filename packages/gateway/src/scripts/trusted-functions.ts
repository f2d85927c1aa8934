import { Script } from 'node:vm'
import { CALLS, FACADE, KINDS, OUTCOMES } from './facade.ts'
import { type HostValue, perform } from './perform.ts'
import { Run } from './run.ts'
import type { Functions, ScriptArgument } from './script.ts'
import { ScriptFailure } from './script-failure.ts'
import { DEFAULT_BODY_BYTES, type SessionView } from './session-view.ts'
import { programOf } from './source-text.ts'

type Invoke = (
  run: unknown,
  id: number,
  kind: number,
  given: readonly ScriptArgument[] | ArrayBuffer | undefined,
  end: boolean,
) => number
type Settle = (id: number, ok: boolean, given: Uint8Array | string) => void

/** Functions in the gateway itself: with all that Node.js has, and without bounds. They see the same objects as in the sandbox. */
export class TrustedFunctions implements Functions {
  readonly count: number
  private readonly functions: unknown[]
  private readonly problem: ScriptFailure | undefined
  private readonly runs = new Map<number, Run>()
  private readonly invoke: Invoke
  private readonly settle: Settle
  private nextId = 1

  constructor(sources: readonly string[]) {
    this.count = sources.length
    const facade = evaluated(`(${FACADE})`, 'gateway') as (
      host: (call: number, id: number, ...given: HostValue[]) => unknown,
      trusted: true,
    ) => { invoke: Invoke; settle: Settle }
    const made = facade((call, id, a, b, c, d) => this.called(call, id, a, b, c, d), true)
    this.invoke = made.invoke
    this.settle = made.settle
    this.functions = []
    try {
      for (const [index, source] of sources.entries()) {
        const found = evaluated(programOf(source), `functions[${index}]`)
        if (typeof found !== 'function') throw new TypeError(`functions[${index}] is not a function`)
        this.functions.push(found)
      }
    } catch (cause) {
      this.problem = new ScriptFailure('error', (cause as Error).stack ?? String(cause), cause)
    }
  }

  prepare(): undefined {
    return undefined
  }

  run(index: number, view: SessionView, given: readonly ScriptArgument[] = []): unknown {
    if (this.problem !== undefined) throw this.problem
    const id = this.nextId++
    const run = new Run(view, Infinity)
    this.runs.set(id, run)
    const [first, second] = given
    const isBytes = first instanceof Uint8Array
    const kind = given.length === 0 ? KINDS.nothing : isBytes ? KINDS.bytes : KINDS.json
    // A copy: what the gateway gives is valid during the call alone.
    const outcome = this.invoke(
      this.functions[index],
      id,
      kind,
      isBytes ? Uint8Array.from(first).buffer : given,
      second === true,
    )
    if (outcome === OUTCOMES.waiting) return run.promise().finally(() => this.runs.delete(id))
    this.runs.delete(id)
    return run.result()
  }

  dispose(): void {
    this.runs.clear()
  }

  private called(call: number, id: number, a: HostValue, b: HostValue, c: HostValue, d: HostValue): unknown {
    if (call === CALLS.decode || call === CALLS.encode) return perform(undefined as never, call, bytesOf(a), b, c, d)
    const run = this.runs.get(id)
    if (run === undefined) throw new TypeError('the request is over')
    if (call === CALLS.failed) return this.ended(run, () => run.fail(a as string))
    if (call === CALLS.finished) return this.ended(run, () => run.finish(b))
    if (call === CALLS.readBody) return this.read(run, id, a as number)
    return perform(run.view, call, a, bytesOf(b), bytesOf(c), d)
  }

  private ended(run: Run, end: () => void): void {
    end()
    run.settle()
  }

  private read(run: Run, id: number, limit: number): void {
    run.view.readBody(limit || DEFAULT_BODY_BYTES).then(
      (body) => this.settle(id, true, body),
      (error: unknown) => {
        run.waitError = error
        this.settle(id, false, 'the body of the request could not be read')
      },
    )
  }
}

const evaluated = (program: string, file: string): unknown => new Script(program, { filename: file }).runInThisContext()

/** The facade gives buffers, as the sandbox needs them. */
const bytesOf = (value: HostValue | ArrayBuffer): HostValue =>
  value instanceof ArrayBuffer ? new Uint8Array(value) : (value as HostValue)
