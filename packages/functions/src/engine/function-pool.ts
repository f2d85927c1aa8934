import type { Timed } from '@sekisho/wire'
import type { DeployedFunction } from '../model/deployed-function.ts'
import { type ServiceError, throttled } from '../model/service-error.ts'
import type { RuntimeLaunchPlan, RuntimeProblem } from '../runtimes/launch-plan.ts'
import type { Call } from './call.ts'
import type { Capacity, IdleHolder } from './capacity.ts'
import type { EngineParts } from './engine-parts.ts'
import { Environment } from './environment.ts'
import type { EnvironmentOwner } from './environment-owner.ts'
import type { FunctionGroup } from './function-group.ts'
import { failWithoutEnvironment } from './launch-problem.ts'
import { PHASE, PHASES, type Phase } from './phase.ts'
import { Provisioning, type ProvisioningHost } from './provisioning.ts'

/**
 * A call waits so long for an environment that has answered and is about to be free, before another one is started: as long as a start takes. Most
 * ask for their next event within 0.1 ms, but one whose collector of garbage runs just then must not cost a cold start.
 */
const PATIENCE_MS = 50

/**
 * The environments of one revision of a function. The most recently used one works next, so that the others grow old and end. Where none is
 * idle, the call waits for the first of those that are on their way: one that was started for it, or one that becomes free earlier.
 */
export class FunctionPool implements EnvironmentOwner, IdleHolder, ProvisioningHost, Timed {
  readonly function: DeployedFunction
  readonly group: FunctionGroup
  /** Environments by phase. */
  readonly counts: number[] = Array.from({ length: PHASES }, () => 0)
  readonly provisioning: Provisioning
  /** Of `Deadlines`: when the oldest idle environment has been so for too long. */
  deadline = 0
  /** Another revision took its place. */
  retired = false
  readonly #parts: EngineParts
  readonly #capacity: Capacity
  readonly #onEmpty: (pool: FunctionPool) => void
  readonly #environments = new Set<Environment>()
  /** The most recently used one is last. */
  readonly #idle: Environment[] = []
  readonly #idleProvisioned: Environment[] = []
  readonly #waiting: Call[] = []
  readonly #patience: Timed = { deadline: 0, onDeadline: () => this.#supply(true) }
  #plan: RuntimeLaunchPlan | RuntimeProblem | undefined
  /** There is no way to start it. */
  #hopeless = false

  /** @param onEmpty it is retired and has no environment left */
  constructor(
    fn: DeployedFunction,
    group: FunctionGroup,
    parts: EngineParts,
    capacity: Capacity,
    onEmpty: (pool: FunctionPool) => void,
  ) {
    this.function = fn
    this.group = group
    this.#parts = parts
    this.#capacity = capacity
    this.#onEmpty = onEmpty
    this.provisioning = new Provisioning(this, parts)
  }

  get environments(): number {
    return this.#environments.size
  }

  /** Runs a call whose concurrency has been taken. */
  run(call: Call): void {
    const environment = this.#idleProvisioned.pop() ?? this.#idle.pop()
    if (environment !== undefined) return environment.run(call)
    this.#waiting.push(call)
    this.#supply(false)
  }

  /** Idle ones end now, busy ones when they are done. */
  retire(): void {
    this.retired = true
    this.provisioning.request(0)
    for (const environment of this.#idle.splice(0)) environment.end('SPINDOWN')
    this.#endSurplus()
    this.#checkEmpty()
  }

  oldestIdle(): Environment | undefined {
    return this.#idle[0]
  }

  /** Everything ends at once; calls are told. */
  abort(error: ServiceError): void {
    this.retired = true
    this.provisioning.request(0)
    for (const call of this.#waiting.splice(0)) call.refuse(error)
    for (const environment of [...this.#environments]) environment.abort(error)
    this.#checkEmpty()
  }

  startProvisioned(): Environment | undefined {
    return this.#start(true, undefined)
  }

  release(environment: Environment): void {
    environment.provisioned = false
    const at = this.#idleProvisioned.indexOf(environment)
    if (at < 0) return
    this.#idleProvisioned.splice(at, 1)
    environment.end('SPINDOWN')
  }

  onPhase(environment: Environment, from: Phase, to: Phase): void {
    this.counts[from]!--
    this.counts[to]!++
    if (from === PHASE.idle && to >= PHASE.ending) this.#forgetIdle(environment)
    if (from < PHASE.ending && to >= PHASE.ending) this.#capacity.leave(environment)
  }

  onReady(environment: Environment): void {
    this.group.metrics.init.observe(environment.initMs)
    this.provisioning.onReady(environment)
    const call = this.#waiting.shift()
    if (call === undefined) return this.#rest(environment)
    call.initMs = environment.initMs
    environment.run(call)
  }

  onInitFailed(environment: Environment): void {
    this.group.metrics.initFailures++
    this.provisioning.onInitFailed(environment)
    // AWS's "suppressed init": once more, inside an invocation and on its time.
    const call = environment.provisioned ? undefined : this.#waiting.shift()
    if (call !== undefined && this.#start(false, call) === undefined && !this.#hopeless) this.#refuse(call)
    if (this.#waiting.length > 0) this.#supply(false)
  }

  onFree(environment: Environment): void {
    const call = this.#waiting.shift()
    if (call === undefined) this.#rest(environment)
    else environment.run(call)
  }

  onFrozen(environment: Environment): void {
    this.#capacity.weigh(environment, Math.min(environment.peakMb, environment.function.memoryMb))
  }

  onThawed(environment: Environment): void {
    this.#capacity.weigh(environment, environment.function.memoryMb)
  }

  onGone(environment: Environment): void {
    this.#environments.delete(environment)
    this.counts[PHASE.gone]!--
    this.provisioning.onGone(environment)
    // It may be one that calls were counting on to become free.
    if (this.#waiting.length > 0) this.#supply(false)
    if (this.#environments.size === 0) this.#watchIdle()
    this.#checkEmpty()
  }

  /** Idle for too long. */
  onDeadline(now: number): void {
    const { idleTimeoutMs } = this.#parts.settings
    while (this.#idle.length > 0 && this.#idle[0]!.idleSince + idleTimeoutMs <= now) this.#idle[0]!.end('SPINDOWN')
    this.#watchIdle()
  }

  #rest(environment: Environment): void {
    if (environment.provisioned) {
      this.#idleProvisioned.push(environment)
      return
    }
    if (this.retired) return environment.end('SPINDOWN')
    this.#idle.push(environment)
    if (this.deadline === 0) this.#watchIdle()
  }

  #watchIdle(): void {
    const oldest = this.#idle[0]
    if (oldest === undefined) {
      this.deadline = 0
      this.#parts.idleDeadlines.remove(this)
      return
    }
    this.deadline = oldest.idleSince + this.#parts.settings.idleTimeoutMs
    this.#parts.idleDeadlines.add(this)
  }

  #forgetIdle(environment: Environment): void {
    for (const idle of [this.#idle, this.#idleProvisioned]) {
      const at = idle.indexOf(environment)
      if (at >= 0) idle.splice(at, 1)
    }
  }

  /**
   * Sees to it that each waiting call has an environment on its way.
   *
   * @param impatient those that have answered and are not done take too long: they do not count
   */
  #supply(impatient: boolean): void {
    for (;;) {
      const missing =
        this.#waiting.length - this.counts[PHASE.starting]! - (impatient ? 0 : this.counts[PHASE.responded]!)
      if (missing <= 0 || (impatient && !this.#mayOverlap())) break
      if (this.#start(false, undefined) !== undefined) continue
      // Impatience is no reason to refuse anybody: what they wait for still comes.
      if (impatient || this.#waiting.length === 0) break
      this.#refuse(this.#waiting.pop()!)
    }
    const waitsForOthers = this.#waiting.length > this.counts[PHASE.starting]!
    if (!waitsForOthers) {
      this.#patience.deadline = 0
      this.#parts.deadlines.remove(this.#patience)
    } else if (this.#patience.deadline === 0) {
      this.#patience.deadline = this.#parts.clock.now() + PATIENCE_MS
      this.#parts.deadlines.add(this.#patience)
    }
  }

  /** A function with reserved concurrency never has more environments at work than that, not even while one finishes. */
  #mayOverlap(): boolean {
    const { reserved } = this.group.concurrency
    if (reserved === undefined) return true
    const { counts } = this
    const working =
      counts[PHASE.starting]! + counts[PHASE.reviving]! + counts[PHASE.running]! + counts[PHASE.responded]!
    return working < reserved
  }

  #start(provisioned: boolean, call: Call | undefined): Environment | undefined {
    const { function: fn, group } = this
    const plan = (this.#plan ??= this.#planLaunch())
    if ('errorType' in plan) {
      this.#hopeless = true
      if (call !== undefined) this.#waiting.unshift(call)
      for (const waiting of this.#waiting.splice(0)) failWithoutEnvironment(this.#parts, waiting, plan)
      return undefined
    }
    // One that takes the place of another is no growth.
    const grows = call === undefined
    if (grows && group.burst !== undefined && !group.burst.take(this.#parts.clock.now())) return undefined
    if (!this.#capacity.makeRoom(fn.memoryMb)) return undefined
    const environment = new Environment(this.#parts, this, { function: fn, plan, provisioned, call })
    this.#environments.add(environment)
    this.counts[environment.phase]!++
    this.#capacity.enter(environment)
    group.metrics.coldStarts++
    environment.start()
    return environment
  }

  #planLaunch(): RuntimeLaunchPlan | RuntimeProblem {
    try {
      return this.#parts.planLaunch(this.function)
    } catch (error) {
      this.#parts.onProblem(error)
      return { errorType: 'Runtime.InvalidEntrypoint', message: error instanceof Error ? error.message : String(error) }
    }
  }

  #refuse(call: Call): void {
    const reason = 'ConcurrentInvocationLimitExceeded'
    this.group.metrics.throttled(reason)
    call.refuse(throttled(reason))
  }

  #endSurplus(): void {
    for (const environment of [...this.#environments]) {
      if (environment.phase === PHASE.starting && this.#waiting.length === 0) environment.end('SPINDOWN')
    }
  }

  #checkEmpty(): void {
    if (this.retired && this.#environments.size === 0 && this.#waiting.length === 0) {
      this.#parts.idleDeadlines.remove(this)
      this.#parts.deadlines.remove(this.#patience)
      this.#onEmpty(this)
    }
  }
}
