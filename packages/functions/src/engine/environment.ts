import type { Timed } from '@sekisho/wire'
import type { SandboxExit } from '../drivers/driver.ts'
import { type Outcome, SUCCESS, TIMEOUT } from '../metering/outcome.ts'
import type { DeployedFunction } from '../model/deployed-function.ts'
import type { ServiceError } from '../model/service-error.ts'
import type { RuntimeApiListener, RuntimeFailure } from '../runtime-api/runtime-api-listener.ts'
import type { EnvironmentFacts } from '../runtimes/launch-plan.ts'
import type { Call } from './call.ts'
import type { EngineParts } from './engine-parts.ts'
import { type BodyOwner, EnvironmentBody, type ShutdownReason } from './environment-body.ts'
import type { EnvironmentLog } from './environment-log.ts'
import type { EnvironmentOptions, EnvironmentOwner } from './environment-owner.ts'
import {
  exitFailure,
  exitMessage,
  type FunctionFailure,
  initErrorFailure,
  platformFailure,
  reportedFailure,
  responseTooLarge,
  timeoutFailure,
} from './function-failure.ts'
import type { InvocationFigures } from './invocation.ts'
import { PHASE, type Phase } from './phase.ts'

/** After `/init/error` the runtime has so long to end by itself and to write its last lines. */
const INIT_ERROR_GRACE_MS = 200
/** One execution environment and the invocations that it works on one after another: who may do what when. */
export class Environment implements BodyOwner, RuntimeApiListener, Timed {
  readonly function: DeployedFunction
  phase: Phase
  /** Of `Deadlines`: the limit of what it does now. */
  deadline = 0
  /** Belongs to provisioned concurrency: does not end for being idle. */
  provisioned: boolean
  /** On the engine's clock. */
  idleSince = 0
  /** It has had an invocation. */
  used = false
  /** How long init took, once it is over. */
  initMs = 0
  /** MB that it counts for in the engine's total. */
  weightMb: number
  readonly #parts: EngineParts
  readonly #owner: EnvironmentOwner
  readonly #initType: EnvironmentFacts['initializationType']
  readonly #body: EnvironmentBody
  readonly #log: EnvironmentLog
  #call: Call | undefined
  #startedAt = 0
  /** The runtime waits for its next event. */
  #runtimeWaits = false
  /** What `/init/error` said. */
  #initError: FunctionFailure | undefined
  /** REPORT lines so far. */
  #reports = 0
  constructor(parts: EngineParts, owner: EnvironmentOwner, options: EnvironmentOptions) {
    this.#parts = parts
    this.#owner = owner
    this.#call = options.call
    this.function = options.function
    this.provisioned = options.provisioned
    this.weightMb = options.function.memoryMb
    this.#initType = options.provisioned ? 'provisioned-concurrency' : 'on-demand'
    this.phase = options.call === undefined ? PHASE.starting : PHASE.reviving
    this.#body = new EnvironmentBody(parts, options.function, options.plan, this.#initType, this)
    this.#log = this.#body.log
  }

  /** MB, as last looked at. */
  get peakMb(): number {
    return this.#body.peakMb
  }

  /** To be called once, after the owner knows it. */
  start(): void {
    const { settings, clock, wall } = this.#parts
    const fn = this.function
    const now = clock.now()
    this.#startedAt = now
    const call = this.#call
    if (call === undefined) {
      const { initTimeoutMs, provisionedInitTimeoutMs } = settings
      this.deadline = now + (this.provisioned ? Math.max(provisionedInitTimeoutMs, fn.timeoutMs) : initTimeoutMs)
      this.#log.initStart(this.#initType, 'init')
    } else {
      call.environment = this
      call.startedAt = now
      this.deadline = now + fn.timeoutMs
      this.#log.start(call, wall())
    }
    this.#body.watch()
    this.#body.start()
  }

  /** Works on an invocation; it is idle. */
  run(call: Call): void {
    this.#call = call
    call.environment = this
    const now = this.#parts.clock.now()
    const wall = this.#parts.wall()
    call.startedAt = now
    this.used = true
    this.#enter(PHASE.running)
    this.deadline = now + this.function.timeoutMs
    this.#log.start(call, wall)
    try {
      if (this.#body.thaw()) this.#owner.onThawed(this)
      this.#body.watch()
      this.#deliver(call, wall + this.function.timeoutMs)
    } catch (problem) {
      this.#unreachable(call, problem)
    }
  }

  resume(call: Call): void {
    if (call === this.#call && this.phase === PHASE.running) this.#body.resumeResponse()
  }

  /** Ends it, with the time that its extensions have for it. No invocation may wait for its answer. */
  end(reason: ShutdownReason): void {
    if (this.phase >= PHASE.ending) return
    const call = this.#call
    this.#enter(PHASE.ending)
    if (call !== undefined) this.#close(call, call.outcome)
    this.#body.shutDown(reason)
  }

  /** Ends it at once: the engine stops. */
  abort(error: ServiceError): void {
    if (this.phase === PHASE.gone) return
    const call = this.#call
    if (this.phase < PHASE.ending) this.#enter(PHASE.ending)
    if (call?.answered === true) this.#close(call, call.outcome)
    this.#call = undefined
    call?.refuse(error)
    this.#body.kill()
  }

  onExit(exit: SandboxExit): void {
    const before = this.phase
    const call = this.#call
    if (before === PHASE.starting) {
      return this.#initFailed((this.#initError ?? exitFailure('', exit)).outcome, true)
    }
    if (before === PHASE.idle) this.#log.note(`Error: ${exit.failure ?? exitMessage(exit)}`)
    if (call === undefined) this.#enter(PHASE.gone)
    else {
      const failure = this.#initError ?? exitFailure(call.invocation.requestId, exit)
      if (before === PHASE.reviving) this.#reportInit(failure.outcome)
      this.#enter(PHASE.gone)
      this.#fail(call, failure)
    }
    this.#owner.onGone(this)
  }

  onDeadline(): void {
    switch (this.phase) {
      case PHASE.idle:
        return this.#freeze()
      case PHASE.starting:
        return this.#initFailed(this.#initError?.outcome ?? TIMEOUT, false)
      case PHASE.reviving:
      case PHASE.running:
      case PHASE.responded: {
        const call = this.#call!
        const failure = this.#initError ?? timeoutFailure(call.invocation.requestId, this.function.timeoutMs)
        if (this.phase === PHASE.reviving) this.#reportInit(failure.outcome)
        this.#break(call, failure, 'TIMEOUT')
        return
      }
      case PHASE.ending:
        this.#body.kill()
    }
  }

  onRuntimeNext(): void {
    this.#runtimeWaits = true
    if (this.#body.extensions.done) this.#allWait()
  }

  onExtensionRegistered(name: string, events: readonly ('INVOKE' | 'SHUTDOWN')[]): void {
    this.#body.extensions.register(name, events)
  }

  onExtensionNext(name: string): void {
    this.#body.extensions.next(name)
    if (this.#runtimeWaits && this.#body.extensions.done) this.#allWait()
  }

  onExtensionFailed(_name: string, failure: RuntimeFailure): void {
    if (this.phase <= PHASE.reviving) return this.onInitError(failure)
    if (this.phase >= PHASE.ending) return
    const call = this.#call
    if (call === undefined) return this.end('FAILURE')
    const { requestId } = call.invocation
    this.#break(call, platformFailure(requestId, failure.type, 'an extension failed'), 'FAILURE')
  }

  onInitError(failure: RuntimeFailure): void {
    if (this.phase > PHASE.reviving) return
    this.#initError = initErrorFailure(failure)
    this.deadline = Math.min(this.deadline, this.#parts.clock.now() + INIT_ERROR_GRACE_MS)
  }

  onResponse(body: Buffer, contentType: string | undefined): void {
    const call = this.#working()
    if (call === undefined) return
    call.respond(body, contentType)
    this.#responded(call)
  }

  onResponseStart(contentType: string | undefined): void {
    this.#working()?.startPieces(contentType)
  }

  onResponseChunk(chunk: Uint8Array): boolean {
    const call = this.#working()
    // After a failure (too large) the rest is read and forgotten, so that the runtime gets to its end.
    if (call === undefined || call.outcome !== SUCCESS) return true
    const { maxResponseBytes, maxStreamedBytes } = this.#parts.settings
    const limit = call.streams ? maxStreamedBytes : maxResponseBytes
    if (call.streamedBytes + chunk.length > limit) {
      call.fail(responseTooLarge(limit))
      return true
    }
    return call.piece(chunk)
  }

  onResponseEnd(error: RuntimeFailure | undefined): void {
    const call = this.#working()
    if (call === undefined) return
    if (call.outcome === SUCCESS) {
      if (error === undefined) call.endPieces()
      else call.fail(reportedFailure(error))
    }
    this.#responded(call)
  }

  onResponseTooLarge(): void {
    this.#answeredWith(responseTooLarge(this.#parts.settings.maxResponseBytes))
  }

  onError(failure: RuntimeFailure): void {
    this.#answeredWith(reportedFailure(failure))
  }

  #enter(phase: Phase): void {
    const from = this.phase
    this.phase = phase
    this.#owner.onPhase(this, from, phase)
  }

  /** Runtime and extensions wait for an event: init or an invocation is over. */
  #allWait(): void {
    if (this.phase === PHASE.responded) this.#over()
    else if (this.phase <= PHASE.reviving && this.#initError === undefined) this.#initDone()
  }

  #initDone(): void {
    const { clock, wall } = this.#parts
    const now = clock.now()
    this.initMs = now - this.#startedAt
    this.#reportInit(SUCCESS)
    this.#body.limitCpus()
    if (this.phase === PHASE.reviving) {
      const call = this.#call!
      this.#enter(PHASE.running)
      this.#deliver(call, wall() + Math.max(0, this.deadline - now))
      return
    }
    this.#rest(now)
    this.#owner.onReady(this)
  }

  #initFailed(outcome: Outcome, gone: boolean): void {
    this.initMs = this.#parts.clock.now() - this.#startedAt
    this.#reportInit(outcome)
    this.#enter(gone ? PHASE.gone : PHASE.ending)
    if (!gone) this.#body.kill()
    this.#owner.onInitFailed(this)
    if (gone) this.#owner.onGone(this)
  }

  #reportInit(outcome: Outcome): void {
    const ms = this.#parts.clock.now() - this.#startedAt
    this.#log.initReport(this.#initType, this.phase === PHASE.reviving ? 'invoke' : 'init', ms, outcome)
  }

  #deliver(call: Call, deadlineMs: number): void {
    this.#runtimeWaits = false
    this.#body.deliver(call.eventFor(Math.floor(deadlineMs)))
  }

  /** The call whose answer is awaited; undefined: there is none (any more), and what comes is dropped. */
  #working(): Call | undefined {
    return this.phase === PHASE.running ? this.#call : undefined
  }

  #answeredWith(failure: FunctionFailure): void {
    const call = this.#working()
    if (call === undefined) return
    call.fail(failure)
    this.#responded(call)
  }

  #responded(call: Call): void {
    this.#enter(PHASE.responded)
    // The tail has the REPORT line in it, so its caller waits for the invocation's very end.
    call.answered = true
    if (call.tail !== undefined) return
    const now = this.#parts.clock.now()
    this.#body.samplePeak(now)
    call.settle(call.figures(now - call.startedAt, this.peakMb))
  }

  #over(): void {
    const call = this.#call!
    // Lines that were written before the answer come by another way than the answer, and belong before END. Functions that never print do not wait.
    if (!call.outputRead && (call.tail !== undefined || this.#log.prints || this.#reports === 0)) {
      call.outputRead = true
      this.#parts.afterOutput(() => {
        if (this.#call === call && this.phase === PHASE.responded) this.#over()
      })
      return
    }
    const now = this.#parts.clock.now()
    const figures = this.#closeLog(call, call.outcome, now)
    this.#call = undefined
    this.#rest(now)
    // In this order: who is told may call again at once, and is to find this environment.
    this.#owner.onFree(this)
    call.settle(figures)
  }

  #rest(now: number): void {
    this.idleSince = now
    this.deadline = now + this.#parts.settings.freezeAfterMs
    this.#enter(PHASE.idle)
  }

  #freeze(): void {
    this.#body.unwatch()
    this.#body.samplePeak(this.#parts.clock.now())
    try {
      this.#body.freeze()
      this.#owner.onFrozen(this)
    } catch (problem) {
      // One that cannot be stopped must not run for free.
      this.#parts.onProblem(problem)
      this.end('FAILURE')
    }
  }

  /** It could not be thawed or given its event. */
  #unreachable(call: Call, problem: unknown): void {
    this.#parts.onProblem(problem)
    // Results never come before the caller has its `RunningInvocation`.
    queueMicrotask(() => {
      if (this.#call !== call || this.phase !== PHASE.running) return
      const { requestId } = call.invocation
      this.#break(call, platformFailure(requestId, 'Sandbox.Failure', 'the environment cannot be reached'), 'FAILURE')
    })
  }

  /** The invocation ends badly and takes the environment with it. */
  #break(call: Call, failure: FunctionFailure, reason: ShutdownReason): void {
    // In this order: whoever is told may call again at once, and must not meet this environment.
    this.#enter(PHASE.ending)
    this.#fail(call, failure)
    this.#body.shutDown(reason)
  }

  /** Ends the invocation for caller and log; the environment is the business of whoever calls this. */
  #fail(call: Call, failure: FunctionFailure): void {
    const { outcome } = failure
    if (failure.message !== undefined) this.#log.problem(call, failure.message, outcome)
    if (outcome.status === 'error' && outcome.errorType === 'Runtime.OutOfMemory')
      this.#body.peakMb = this.function.memoryMb
    // An answer that was given stays; only the log says how it went on.
    if (!call.answered) call.fail(failure)
    this.#close(call, outcome)
  }

  #close(call: Call, outcome: Outcome): void {
    this.#call = undefined
    call.settle(this.#closeLog(call, outcome, this.#parts.clock.now()))
  }

  #closeLog(call: Call, outcome: Outcome, now: number): InvocationFigures {
    this.#body.samplePeak(now)
    // Limits are noticed late by some milliseconds, which nobody is to pay for.
    const durationMs = Math.min(now - call.startedAt, this.function.timeoutMs)
    const figures = call.figures(durationMs, this.peakMb)
    this.#reports++
    this.#log.end(call, figures, outcome)
    call.ended(figures)
    return figures
  }
}
