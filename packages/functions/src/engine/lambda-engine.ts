import { Deadlines, monotonicClock } from '@sekisho/wire'
import { NO_LOGS } from '../logs/log-record.ts'
import { type FunctionReading, renderMetrics } from '../metering/metrics.ts'
import { estimateCost, type Prices, PUBLISHED_PRICES } from '../metering/prices.ts'
import type { DeployedFunction } from '../model/deployed-function.ts'
import { ServiceError, throttled } from '../model/service-error.ts'
import { Call } from './call.ts'
import { Capacity, type IdleHolder } from './capacity.ts'
import { AccountConcurrency } from './concurrency.ts'
import type { Engine, FunctionState, ProvisionedState } from './engine.ts'
import type { EngineParts } from './engine-parts.ts'
import { DEFAULT_ENGINE_SETTINGS, type EngineSettings } from './engine-settings.ts'
import { FunctionGroup } from './function-group.ts'
import { FunctionPool } from './function-pool.ts'
import type { Invocation, InvocationSink, RunningInvocation } from './invocation.ts'
import { PHASE } from './phase.ts'

/** How exactly limits are kept; see wire's `Deadlines`. */
const DEADLINE_INTERVAL_MS = 10
const IDLE_INTERVAL_MS = 1000
/** Killed processes are gone in milliseconds; a driver that never says so must not keep the engine from its end. */
const CLOSE_LIMIT_MS = 10_000

/** Parts that are left out are those of a real engine: the host's clocks, a log that nobody keeps. */
export type LambdaEngineOptions = Pick<EngineParts, 'driver' | 'openApi' | 'planLaunch'> &
  Partial<Omit<EngineParts, 'settings'>> & {
    readonly settings?: Partial<EngineSettings>
    readonly prices?: Prices
  }

const REFUSED: RunningInvocation = { resume: () => undefined, abandon: () => undefined }

/** Runs functions in environments of one driver. */
export class LambdaEngine implements Engine {
  readonly #parts: EngineParts
  readonly #prices: Prices
  readonly #account: AccountConcurrency
  readonly #capacity: Capacity
  readonly #groups = new Map<string, FunctionGroup>()
  /** A function that is called is the same object as before: no name needs to be looked up. */
  #pools = new WeakMap<DeployedFunction, FunctionPool>()
  #refusal: ServiceError | undefined
  #onQuiet: (() => void) | undefined
  #onEmpty: (() => void) | undefined

  constructor(options: LambdaEngineOptions) {
    const { settings, prices, clock = monotonicClock, ...parts } = options
    this.#parts = {
      clock,
      deadlines: new Deadlines(clock, DEADLINE_INTERVAL_MS),
      idleDeadlines: new Deadlines(clock, IDLE_INTERVAL_MS),
      wall: Date.now,
      logs: NO_LOGS,
      afterOutput,
      onProblem: (problem) => process.emitWarning(problem instanceof Error ? problem : String(problem)),
      ...parts,
      settings: { ...DEFAULT_ENGINE_SETTINGS, ...settings },
    }
    const { concurrency, maxEnvironments, maxMemoryMb } = this.#parts.settings
    this.#prices = prices ?? PUBLISHED_PRICES
    this.#account = new AccountConcurrency(concurrency)
    this.#capacity = new Capacity(maxEnvironments, maxMemoryMb, () => this.#allPools())
  }

  /** A refusal comes before this returns, a result after. */
  invoke(invocation: Invocation, sink: InvocationSink): RunningInvocation {
    if (this.#refusal !== undefined) return this.#refuse(sink, this.#refusal)
    const fn = invocation.function
    const pool = this.#pools.get(fn) ?? this.#poolOf(fn)
    const { concurrency, metrics } = pool.group
    const reason = concurrency.acquire()
    if (reason !== undefined) {
      metrics.throttled(reason)
      return this.#refuse(sink, throttled(reason))
    }
    const call = new Call(invocation, sink, pool.group, this)
    pool.run(call)
    return call
  }

  reserve(functionName: string, concurrency: number | undefined): void {
    const group = this.#group(functionName)
    group.deleted = false
    group.concurrency.reserve(concurrency)
  }

  provision(target: DeployedFunction, concurrency: number | undefined): void {
    if (this.#refusal !== undefined) return
    const pool = this.#pools.get(target) ?? this.#poolOf(target)
    pool.provisioning.request(concurrency ?? 0)
    let total = 0
    for (const other of pool.group.pools.values()) total += other.provisioning.requested
    pool.group.concurrency.provision(total)
  }

  provisioned(functionName: string, version: string): ProvisionedState | undefined {
    for (const pool of this.#groups.get(functionName)?.pools.values() ?? []) {
      if (pool.function.version === version && pool.provisioning.requested > 0) return pool.provisioning.state()
    }
    return undefined
  }

  retire(functionName: string, version: string, keepRevisionId: string | undefined): void {
    for (const pool of [...(this.#groups.get(functionName)?.pools.values() ?? [])]) {
      if (pool.function.version === version && pool.function.revisionId !== keepRevisionId) pool.retire()
    }
    // `$LATEST` goes only with the whole function.
    const group = this.#groups.get(functionName)
    if (group === undefined || version !== '$LATEST' || keepRevisionId !== undefined) return
    group.concurrency.reserve(undefined)
    group.deleted = true
    this.#forget(group)
  }

  state(): readonly FunctionState[] {
    return [...this.#groups.values()].map((group) => ({
      name: group.name,
      environments: [...group.pools.values()].reduce((sum, pool) => sum + pool.environments, 0),
      busy: group.concurrency.inUse,
    }))
  }

  get environments(): number {
    let count = 0
    for (const pool of this.#allPools()) count += pool.environments
    return count
  }

  /** In the Prometheus text format. */
  metrics(): string {
    return renderMetrics(this.#readings(), this.#prices)
  }

  /** What a function's invocations since the engine's start would have cost. */
  estimatedCost(functionName: string): { readonly currency: string; readonly amount: number } {
    const metrics = this.#groups.get(functionName)?.metrics
    const amount = metrics === undefined ? 0 : estimateCost(this.#prices, metrics.invocations, metrics.billedMbMs)
    return { currency: this.#prices.currency, amount }
  }

  async drain(graceMs: number): Promise<void> {
    this.#refusal ??= new ServiceError('ServiceException', 503, 'The function platform is shutting down.')
    if (this.#account.inUse === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs)
      this.#onQuiet = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#onQuiet = undefined
  }

  async close(): Promise<void> {
    const stopped = new ServiceError('ServiceException', 500, 'The function platform stopped while the function ran.')
    this.#refusal = stopped
    for (const pool of [...this.#allPools()]) pool.abort(stopped)
    if (this.environments === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#parts.onProblem(new Error(`${this.environments} environments did not end within ${CLOSE_LIMIT_MS} ms`))
        resolve()
      }, CLOSE_LIMIT_MS)
      this.#onEmpty = () => {
        if (this.environments > 0) return
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** For `Call`: an invocation is over for its caller. */
  onSettled(): void {
    if (this.#account.inUse === 0) this.#onQuiet?.()
  }

  onProblem(problem: unknown): void {
    this.#parts.onProblem(problem)
  }

  #refuse(sink: InvocationSink, error: ServiceError): RunningInvocation {
    try {
      sink.onRefused(error)
    } catch (problem) {
      this.#parts.onProblem(problem)
    }
    return REFUSED
  }

  #group(name: string): FunctionGroup {
    const known = this.#groups.get(name)
    if (known !== undefined) return known
    const group = new FunctionGroup(name, this.#account, this.#parts.settings)
    this.#groups.set(name, group)
    return group
  }

  #poolOf(fn: DeployedFunction): FunctionPool {
    const group = this.#group(fn.name)
    group.deleted = false
    const key = `${fn.version} ${fn.revisionId}`
    let pool = group.pools.get(key)
    if (pool === undefined) {
      pool = new FunctionPool(fn, group, this.#parts, this.#capacity, this.#onPoolEmpty)
      group.pools.set(key, pool)
    }
    this.#pools.set(fn, pool)
    return pool
  }

  readonly #onPoolEmpty = (pool: FunctionPool): void => {
    const { function: fn, group } = pool
    group.pools.delete(`${fn.version} ${fn.revisionId}`)
    // Other objects for the same revision may lead to it, too; all are looked up anew.
    this.#pools = new WeakMap()
    this.#forget(group)
    this.#onEmpty?.()
  }

  /** A function that was deleted has no figures. */
  #forget(group: FunctionGroup): void {
    if (group.deleted && group.pools.size === 0) this.#groups.delete(group.name)
  }

  *#allPools(): Generator<FunctionPool & IdleHolder> {
    for (const group of this.#groups.values()) yield* group.pools.values()
  }

  #readings(): FunctionReading[] {
    return [...this.#groups.values()].map((group) => ({
      metrics: group.metrics,
      concurrency: group.concurrency.inUse,
      starting: group.count(PHASE.starting) + group.count(PHASE.reviving),
      busy: group.count(PHASE.running) + group.count(PHASE.responded),
      idle: group.count(PHASE.idle),
    }))
  }
}

/** Two turns of the event loop: in the first, pipes that were readable when the runtime called are read. */
function afterOutput(done: () => void): void {
  setImmediate(() => setImmediate(done))
}
