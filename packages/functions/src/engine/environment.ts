import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { basename } from 'node:path'
import type { Timed } from '@sekisho/wire'
import type { Sandbox, SandboxEvents, SandboxExit, SandboxLaunch, SandboxPaths } from '../drivers/driver.ts'
import { type Outcome, SUCCESS, TIMEOUT } from '../metering/outcome.ts'
import type { DeployedFunction } from '../model/deployed-function.ts'
import type { ServiceError } from '../model/service-error.ts'
import type { RuntimeApiListener, RuntimeFailure } from '../runtime-api/runtime-api-listener.ts'
import type { RuntimeLaunchPlan } from '../runtimes/launch-plan.ts'
import type { Call } from './call.ts'
import type { EngineParts } from './engine-parts.ts'
import type { EnvironmentApi } from './environment-api.ts'
import { EnvironmentLog } from './environment-log.ts'
import { EXTERNAL_GRACE_MS, Extensions } from './extensions.ts'
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
/** The peak of memory is a file of the kernel: it is not read after every invocation of many in a row. */
const MEMORY_SAMPLE_MS = 100
/** One virtual CPU at so many MB (reference, Limits). */
const MB_PER_CPU = 1769
const MIB = 1024 * 1024

/** Who has environments: told of each change, in the middle of it. */
export interface EnvironmentOwner {
  onPhase(environment: Environment, from: Phase, to: Phase): void
  /** Init is over, it is idle and has never run. */
  onReady(environment: Environment): void
  /** Init failed while no invocation was bound to it. */
  onInitFailed(environment: Environment): void
  /** It is idle again. */
  onFree(environment: Environment): void
  /** Frozen: it holds `peakMb` and cannot take more until it is thawed. */
  onFrozen(environment: Environment): void
  onThawed(environment: Environment): void
  onGone(environment: Environment): void
}

export interface EnvironmentOptions {
  readonly function: DeployedFunction
  readonly plan: RuntimeLaunchPlan
  readonly provisioned: boolean
  /** An invocation whose environment failed in init: init is done over on its time. */
  readonly call: Call | undefined
}

/** One execution environment: a sandbox, its Runtime API, and the invocations that it works on one after another. */
export class Environment implements RuntimeApiListener, SandboxEvents, Timed {
  readonly id = randomBytes(16).toString('hex')
  readonly function: DeployedFunction
  readonly log: EnvironmentLog
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
  /** The most memory it has held, MB, as last looked at. */
  peakMb = 0
  /** MB that it counts for in the engine's total. */
  weightMb: number
  readonly #parts: EngineParts
  readonly #owner: EnvironmentOwner
  readonly #plan: RuntimeLaunchPlan
  readonly #initType: 'on-demand' | 'provisioned-concurrency'
  readonly #logStream: string
  readonly #extensions = new Extensions()
  #api: EnvironmentApi | undefined
  #sandbox: Sandbox | undefined
  #call: Call | undefined
  #startedAt = 0
  /** The runtime waits for its next event. */
  #runtimeWaits = false
  #initError: RuntimeFailure | undefined
  /** REPORT lines so far. */
  #reports = 0
  /** Among the engine's deadlines; when it is frozen it is not. */
  #timed = false
  #frozen = false
  #sampledAt = -Infinity

  constructor(parts: EngineParts, owner: EnvironmentOwner, options: EnvironmentOptions) {
    this.#parts = parts
    this.#owner = owner
    this.#plan = options.plan
    this.#call = options.call
    this.function = options.function
    this.provisioned = options.provisioned
    this.weightMb = options.function.memoryMb
    this.#initType = options.provisioned ? 'provisioned-concurrency' : 'on-demand'
    this.phase = options.call === undefined ? PHASE.starting : PHASE.reviving
    const day = new Date(parts.wall()).toISOString().slice(0, 10).replaceAll('-', '/')
    this.#logStream = `${day}/[${options.function.version}]${this.id}`
    this.log = new EnvironmentLog(
      options.function,
      parts.logs.writer(options.function.name, this.#logStream),
      parts.wall,
    )
  }

  /** To be called once, after the owner knows it. */
  start(): void {
    const { settings, clock, wall, driver } = this.#parts
    const fn = this.function
    const now = clock.now()
    this.#startedAt = now
    const call = this.#call
    if (call === undefined) {
      const { initTimeoutMs, provisionedInitTimeoutMs } = settings
      this.deadline = now + (this.provisioned ? Math.max(provisionedInitTimeoutMs, fn.timeoutMs) : initTimeoutMs)
      this.log.initStart(this.#initType, 'init')
    } else {
      call.environment = this
      call.startedAt = now
      this.deadline = now + fn.timeoutMs
      this.log.start(call, wall())
    }
    this.#join()
    try {
      this.#sandbox = driver.start(
        {
          id: this.id,
          taskDirectory: fn.taskDirectory,
          layersDirectory: fn.layersDirectory,
          runtimeDirectory: this.#plan.runtimeDirectory,
          interpreter: this.#plan.interpreter,
          rootDirectory: fn.packageType === 'Image' ? fn.taskDirectory : undefined,
          memoryMb: fn.memoryMb,
          ephemeralStorageMb: fn.ephemeralStorageMb,
          cpus: settings.cpu === 'unlimited' ? undefined : fn.memoryMb / MB_PER_CPU,
          network: fn.network,
          launch: this.#launch,
        },
        this,
      )
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error)
      queueMicrotask(() => this.onExit({ status: undefined, signal: undefined, outOfMemory: false, failure }))
    }
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
    if (this.#frozen) {
      this.#frozen = false
      this.#sandbox!.thaw()
      this.#owner.onThawed(this)
    }
    this.deadline = now + this.function.timeoutMs
    if (!this.#timed) this.#join()
    this.log.start(call, wall)
    this.#deliver(call, wall + this.function.timeoutMs)
  }

  resume(call: Call): void {
    if (call === this.#call && this.phase === PHASE.running) this.#api!.resumeResponse()
  }

  /** Ends it, with the time that its extensions have for it. No invocation may wait for its answer. */
  end(reason: 'SPINDOWN' | 'TIMEOUT' | 'FAILURE'): void {
    if (this.phase >= PHASE.ending) return
    const call = this.#call
    this.#enter(PHASE.ending)
    if (call !== undefined) this.#close(call, call.outcome)
    this.#shutDown(reason)
  }

  /** Ends it at once: the engine stops. */
  abort(error: ServiceError): void {
    if (this.phase === PHASE.gone) return
    const call = this.#call
    if (this.phase < PHASE.ending) this.#enter(PHASE.ending)
    if (call?.answered === true) this.#close(call, call.outcome)
    this.#call = undefined
    call?.refuse(error)
    this.#kill()
  }

  onConnection(socket: Socket): void {
    if (this.#api === undefined || this.phase === PHASE.gone) socket.destroy()
    else this.#api.open(socket)
  }

  onOutput(stream: 'stdout' | 'stderr', bytes: Buffer): void {
    this.log.output(stream, bytes)
  }

  onExit(exit: SandboxExit): void {
    if (this.phase === PHASE.gone) return
    this.log.endOutput()
    this.#leave()
    this.#api?.close()
    const before = this.phase
    const call = this.#call
    if (before === PHASE.starting) {
      return this.#initFailed(
        this.#initError === undefined ? exitFailure('', exit).outcome : failed(this.#initError),
        true,
      )
    }
    if (before === PHASE.idle) this.log.note(`Error: ${exit.failure ?? exitMessage(exit)}`)
    if (call === undefined) this.#enter(PHASE.gone)
    else {
      const failure =
        this.#initError === undefined ? exitFailure(call.invocation.requestId, exit) : initErrorFailure(this.#initError)
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
        return this.#initFailed(this.#initError === undefined ? TIMEOUT : failed(this.#initError), false)
      case PHASE.reviving:
      case PHASE.running:
      case PHASE.responded: {
        const call = this.#call!
        const failure =
          this.#initError === undefined
            ? timeoutFailure(call.invocation.requestId, this.function.timeoutMs)
            : initErrorFailure(this.#initError)
        if (this.phase === PHASE.reviving) this.#reportInit(failure.outcome)
        this.#break(call, failure, 'TIMEOUT')
        return
      }
      case PHASE.ending:
        this.#kill()
    }
  }

  onRuntimeNext(): void {
    this.#runtimeWaits = true
    if (this.#extensions.done) this.#allWait()
  }

  onExtensionRegistered(name: string, events: readonly ('INVOKE' | 'SHUTDOWN')[]): void {
    this.#extensions.register(name, events)
  }

  onExtensionNext(name: string): void {
    this.#extensions.next(name)
    if (this.#runtimeWaits && this.#extensions.done) this.#allWait()
  }

  onExtensionFailed(_name: string, failure: RuntimeFailure): void {
    this.#extensionFailed(failure)
  }

  onInitError(failure: RuntimeFailure): void {
    if (this.phase > PHASE.reviving) return
    this.#initError = failure
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

  readonly #launch = (paths: SandboxPaths, runtimeApi: string): SandboxLaunch => {
    const { settings } = this.#parts
    const launch = this.#plan.launch(paths, {
      runtimeApi,
      region: settings.region,
      initializationType: this.#initType,
      logStream: this.#logStream,
      credentials: settings.credentials(this.function),
    })
    const names = launch.companions.map(({ command }) => basename(command[0]!))
    for (const name of names) this.#extensions.expect(name)
    // Nobody can have connected before.
    this.#api = this.#parts.openApi(this, this.function, names)
    return launch
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
    this.#sandbox?.limitCpus()
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
    if (!gone) this.#kill()
    this.#owner.onInitFailed(this)
    if (gone) this.#owner.onGone(this)
  }

  #reportInit(outcome: Outcome): void {
    const ms = this.#parts.clock.now() - this.#startedAt
    this.log.initReport(this.#initType, this.phase === PHASE.reviving ? 'invoke' : 'init', ms, outcome)
  }

  #deliver(call: Call, deadlineMs: number): void {
    const { invocation } = call
    this.#runtimeWaits = false
    this.#extensions.delivered()
    this.#api!.deliver({
      requestId: invocation.requestId,
      payload: invocation.payload,
      deadlineMs: Math.floor(deadlineMs),
      invokedArn: invocation.invokedArn,
      traceId: invocation.traceId,
      clientContext: invocation.clientContext,
      cognitoIdentity: invocation.cognitoIdentity,
      tenantId: invocation.tenantId,
    })
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
    this.#samplePeak(now)
    call.settle(call.figures(now - call.startedAt, this.peakMb))
  }

  #over(): void {
    const call = this.#call!
    // Lines that were written before the answer come by another way than the answer, and belong before END. Functions that never print do not wait.
    if (!call.outputRead && (call.tail !== undefined || this.log.prints || this.#reports === 0)) {
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
    call.settle(figures)
    if (this.phase === PHASE.idle) this.#owner.onFree(this)
  }

  #rest(now: number): void {
    this.idleSince = now
    this.deadline = now + this.#parts.settings.freezeAfterMs
    this.#enter(PHASE.idle)
  }

  #freeze(): void {
    this.#leave()
    this.#samplePeak(this.#parts.clock.now())
    this.#frozen = true
    this.#sandbox!.freeze()
    this.#owner.onFrozen(this)
  }

  /** The invocation ends badly and takes the environment with it. */
  #break(call: Call, failure: FunctionFailure, reason: 'TIMEOUT' | 'FAILURE'): void {
    // In this order: whoever is told may call again at once, and must not meet this environment.
    this.#enter(PHASE.ending)
    this.#fail(call, failure)
    this.#shutDown(reason)
  }

  /** Ends the invocation for caller and log; the environment is the business of whoever calls this. */
  #fail(call: Call, failure: FunctionFailure): void {
    const { outcome } = failure
    if (failure.message !== undefined) this.log.problem(call, failure.message, outcome)
    if (outcome.status === 'error' && outcome.errorType === 'Runtime.OutOfMemory') this.peakMb = this.function.memoryMb
    // An answer that was given stays; only the log says how it went on.
    if (!call.answered) call.fail(failure)
    this.#close(call, outcome)
  }

  #close(call: Call, outcome: Outcome): void {
    this.#call = undefined
    call.settle(this.#closeLog(call, outcome, this.#parts.clock.now()))
  }

  #closeLog(call: Call, outcome: Outcome, now: number): InvocationFigures {
    this.#samplePeak(now)
    // Limits are noticed late by some milliseconds, which nobody is to pay for.
    const durationMs = Math.min(now - call.startedAt, this.function.timeoutMs)
    const figures = call.figures(durationMs, this.peakMb)
    this.#reports++
    this.log.end(call, figures, outcome)
    call.ended(figures)
    return figures
  }

  #extensionFailed(failure: RuntimeFailure): void {
    if (this.phase <= PHASE.reviving) return this.onInitError(failure)
    if (this.phase >= PHASE.ending) return
    const call = this.#call
    if (call === undefined) return this.end('FAILURE')
    const { requestId } = call.invocation
    this.#break(call, platformFailure(requestId, failure.type, 'an extension failed'), 'FAILURE')
  }

  #samplePeak(now: number): void {
    if (now - this.#sampledAt < MEMORY_SAMPLE_MS || this.#sandbox === undefined) return
    this.#sampledAt = now
    const mb = Math.ceil(this.#sandbox.peakMemoryBytes() / MIB)
    if (mb > this.peakMb) this.peakMb = Math.min(mb, this.function.memoryMb)
  }

  #shutDown(reason: 'SPINDOWN' | 'TIMEOUT' | 'FAILURE'): void {
    const graceMs = this.#extensions.graceMs
    if (graceMs === 0 || this.#sandbox === undefined) return this.#kill()
    if (this.#frozen) {
      this.#frozen = false
      this.#sandbox.thaw()
    }
    const { clock, wall } = this.#parts
    this.deadline = clock.now() + graceMs
    if (!this.#timed) this.#join()
    // Only internal extensions: the runtime itself is asked to end. External ones are part of the same sandbox and would get the signal, too,
    // before they have sent what they hold.
    if (graceMs < EXTERNAL_GRACE_MS) this.#sandbox.terminate()
    if (this.#extensions.wantsShutdown) this.#api!.sendShutdown(reason, Math.floor(wall() + graceMs))
  }

  #kill(): void {
    this.#leave()
    this.#sandbox?.kill()
  }

  #join(): void {
    this.#timed = true
    this.#parts.deadlines.add(this)
  }

  #leave(): void {
    this.deadline = 0
    if (!this.#timed) return
    this.#timed = false
    this.#parts.deadlines.remove(this)
  }
}

const failed = (failure: RuntimeFailure): Outcome => ({ status: 'error', errorType: failure.type })
