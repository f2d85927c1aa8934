import { CutOffs } from './cut-offs.ts'
import { realms } from './quickjs/realm-pool.ts'
import { SandboxedFunctions } from './quickjs/sandbox.ts'
import type { Realm } from './quickjs/realm.ts'
import { Run } from './run.ts'
import { sandboxPlaces, type SandboxPlaces } from './sandbox-places.ts'
import type { Functions, ScriptArgument, ScriptOptions } from './script.ts'
import { ScriptFailure } from './script-failure.ts'
import type { SessionView } from './session-view.ts'

/** Functions in QuickJS, in a sandbox of their own: made when it is first needed, and anew when it was lost. */
export class BoundedFunctions implements Functions {
  readonly count: number
  private readonly options: ScriptOptions
  private readonly cutOffs: CutOffs
  private readonly places: SandboxPlaces
  private sandbox: SandboxedFunctions | undefined = undefined
  private preparing: Promise<void> | undefined = undefined
  /** Why there is none: it is told to each request, and does not go away. */
  private problem: ScriptFailure | undefined = undefined
  /** Why it could not be started the last time. */
  private startProblem: ScriptFailure | undefined = undefined
  private disposed = false
  private hasPlace = false

  constructor(options: ScriptOptions, places = sandboxPlaces) {
    this.options = options
    this.places = places
    this.count = options.sources.length
    this.cutOffs = new CutOffs(options.timeoutMs)
  }

  prepare(): Promise<void> | undefined {
    if (this.usable || this.problem !== undefined || this.cutOffs.resting) return undefined
    if (!this.takePlace()) return undefined
    const realm = realms.takeReady()
    if (realm !== undefined) return this.begin(realm)
    this.preparing ??= realms
      .take()
      .then((taken) => this.begin(taken))
      .catch((cause: unknown) => {
        this.problem = new ScriptFailure('sandbox', (cause as Error).message, cause)
      })
      .finally(() => (this.preparing = undefined))
    return this.preparing
  }

  run(index: number, view: SessionView, given: readonly ScriptArgument[] = []): unknown {
    if (this.cutOffs.resting) throw new ScriptFailure('resting', 'was stopped too often, and is not called for a while')
    const waiting = this.usable ? undefined : this.prepare()
    const { sandbox } = this
    if (waiting !== undefined || sandbox === undefined || !this.usable)
      throw this.problem ?? this.startProblem ?? new ScriptFailure('sandbox', 'the sandbox is not ready yet')
    try {
      const result = sandbox.run(index, new Run(view, this.options.timeoutMs), given)
      if (result instanceof Promise) return result.catch((error: unknown) => this.failed(error))
      this.cutOffs.succeeded()
      return result
    } catch (error) {
      return this.failed(error)
    }
  }

  dispose(): void {
    this.disposed = true
    this.sandbox?.close()
    if (this.hasPlace) this.places.release()
    this.hasPlace = false
  }

  private takePlace(): boolean {
    if (this.hasPlace || this.disposed) return this.hasPlace
    this.hasPlace = this.places.take()
    if (!this.hasPlace) {
      const message = `this worker has ${this.places.most} sandboxes, and may have no more`
      this.startProblem = new ScriptFailure('sandbox', message)
    }
    return this.hasPlace
  }

  private get usable(): boolean {
    return this.sandbox !== undefined && this.sandbox.lost === undefined
  }

  private begin(realm: Realm): undefined {
    // While it was waited for another request may have got there first.
    if (this.usable || this.disposed) return undefined
    const { sources, timeoutMs, memoryBytes } = this.options
    try {
      this.sandbox = new SandboxedFunctions(realm, sources, timeoutMs, memoryBytes)
      this.startProblem = undefined
    } catch (error) {
      const failure = error instanceof ScriptFailure ? error : new ScriptFailure('sandbox', String(error), error)
      if (failure.kind === 'error') this.problem = failure
      else {
        this.startProblem = failure
        this.cutOffs.add()
      }
    }
    return undefined
  }

  private failed(error: unknown): never {
    if (error instanceof ScriptFailure && CUT_OFF.has(error.kind)) this.cutOffs.add()
    throw error
  }
}

const CUT_OFF: ReadonlySet<string> = new Set(['timeout', 'memory', 'sandbox'])
