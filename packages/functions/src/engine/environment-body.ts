import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { basename } from 'node:path'
import type { Timed } from '@sekisho/wire'
import type { Sandbox, SandboxEvents, SandboxExit, SandboxLaunch, SandboxPaths } from '../drivers/driver.ts'
import type { DeployedFunction } from '../model/deployed-function.ts'
import type { RuntimeApiListener, RuntimeEvent } from '../runtime-api/runtime-api-listener.ts'
import type { EnvironmentFacts, RuntimeLaunchPlan } from '../runtimes/launch-plan.ts'
import type { EngineParts } from './engine-parts.ts'
import type { EnvironmentApi } from './environment-api.ts'
import { EnvironmentLog } from './environment-log.ts'
import { EXTERNAL_GRACE_MS, Extensions } from './extensions.ts'

/** The peak of memory is a file of the kernel: it is not read after every invocation of many in a row. */
const MEMORY_SAMPLE_MS = 100
/** One virtual CPU at so many MB (reference, Limits). */
const MB_PER_CPU = 1769
const MIB = 1024 * 1024

export type ShutdownReason = 'SPINDOWN' | 'TIMEOUT' | 'FAILURE'

/** Whose body it is: hears what the runtime says, that time is up, and that all processes are gone. */
export interface BodyOwner extends RuntimeApiListener, Timed {
  onExit(exit: SandboxExit): void
}

/** What an environment is made of: processes in a sandbox, their Runtime API, their log, and a limit in time for whatever they do. */
export class EnvironmentBody implements SandboxEvents {
  readonly id = randomBytes(16).toString('hex')
  readonly log: EnvironmentLog
  readonly extensions = new Extensions()
  /** The most memory it has held, MB, as last looked at. */
  peakMb = 0
  readonly #parts: EngineParts
  readonly #fn: DeployedFunction
  readonly #plan: RuntimeLaunchPlan
  readonly #initializationType: EnvironmentFacts['initializationType']
  readonly #owner: BodyOwner
  readonly #logStream: string
  #api: EnvironmentApi | undefined
  #sandbox: Sandbox | undefined
  #gone = false
  #frozen = false
  /** Among the engine's deadlines; when it is frozen it is not. */
  #timed = false
  #sampledAt = -Infinity

  constructor(
    parts: EngineParts,
    fn: DeployedFunction,
    plan: RuntimeLaunchPlan,
    initializationType: EnvironmentFacts['initializationType'],
    owner: BodyOwner,
  ) {
    this.#parts = parts
    this.#fn = fn
    this.#plan = plan
    this.#initializationType = initializationType
    this.#owner = owner
    const day = new Date(parts.wall()).toISOString().slice(0, 10).replaceAll('-', '/')
    this.#logStream = `${day}/[${fn.version}]${this.id}`
    this.log = new EnvironmentLog(fn, parts.logs.writer(fn.name, this.#logStream), parts.wall)
  }

  get gone(): boolean {
    return this.#gone
  }

  /** Starts the processes; whatever goes wrong comes as `onExit`. */
  start(): void {
    const fn = this.#fn
    try {
      this.#sandbox = this.#parts.driver.start(
        {
          id: this.id,
          taskDirectory: fn.taskDirectory,
          layersDirectory: fn.layersDirectory,
          runtimeDirectory: this.#plan.runtimeDirectory,
          interpreter: this.#plan.interpreter,
          rootDirectory: fn.packageType === 'Image' ? fn.taskDirectory : undefined,
          memoryMb: fn.memoryMb,
          ephemeralStorageMb: fn.ephemeralStorageMb,
          cpus: this.#parts.settings.cpu === 'unlimited' ? undefined : fn.memoryMb / MB_PER_CPU,
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

  /** The owner's `deadline` is kept from now on. */
  watch(): void {
    if (this.#timed) return
    this.#timed = true
    this.#parts.deadlines.add(this.#owner)
  }

  unwatch(): void {
    this.#owner.deadline = 0
    if (!this.#timed) return
    this.#timed = false
    this.#parts.deadlines.remove(this.#owner)
  }

  freeze(): void {
    this.#frozen = true
    this.#sandbox!.freeze()
  }

  /** @returns whether it was frozen */
  thaw(): boolean {
    if (!this.#frozen) return false
    this.#frozen = false
    this.#sandbox!.thaw()
    return true
  }

  deliver(event: RuntimeEvent): void {
    this.extensions.delivered()
    this.#api!.deliver(event)
  }

  resumeResponse(): void {
    this.#api!.resumeResponse()
  }

  /** Init is over: from now on it has the CPU that goes with its memory. */
  limitCpus(): void {
    this.#sandbox?.limitCpus()
  }

  /** Looks at the memory it holds, unless that was done a moment ago. */
  samplePeak(now: number): void {
    if (now - this.#sampledAt < MEMORY_SAMPLE_MS || this.#sandbox === undefined) return
    this.#sampledAt = now
    try {
      const mb = Math.ceil(this.#sandbox.peakMemoryBytes() / MIB)
      if (mb > this.peakMb) this.peakMb = Math.min(mb, this.#fn.memoryMb)
    } catch {
      // It has just ended: what was seen last is as good as it gets.
    }
  }

  /** Ends it with the time that its extensions have for it; then the owner's deadline passes, and it has to `kill`. */
  shutDown(reason: ShutdownReason): void {
    const { graceMs, wantsShutdown } = this.extensions
    const sandbox = this.#sandbox
    if (graceMs === 0 || sandbox === undefined || this.#gone) return this.kill()
    this.thaw()
    const { clock, wall } = this.#parts
    this.#owner.deadline = clock.now() + graceMs
    this.watch()
    // Only internal extensions: the runtime itself is asked to end. External ones are part of the same sandbox and would get the signal, too,
    // before they have sent what they hold.
    if (graceMs < EXTERNAL_GRACE_MS) sandbox.terminate()
    if (wantsShutdown) this.#api!.sendShutdown(reason, Math.floor(wall() + graceMs))
  }

  kill(): void {
    this.unwatch()
    if (this.#gone) return
    try {
      this.#sandbox?.kill()
    } catch (error) {
      this.#parts.onProblem(error)
    }
  }

  onConnection(socket: Socket): void {
    if (this.#api === undefined || this.#gone) socket.destroy()
    else this.#api.open(socket)
  }

  onOutput(stream: 'stdout' | 'stderr', bytes: Buffer): void {
    this.log.output(stream, bytes)
  }

  onExit(exit: SandboxExit): void {
    if (this.#gone) return
    this.#gone = true
    this.log.endOutput()
    this.unwatch()
    this.#api?.close()
    this.#owner.onExit(exit)
  }

  readonly #launch = (paths: SandboxPaths, runtimeApi: string): SandboxLaunch => {
    const { settings, openApi } = this.#parts
    const launch = this.#plan.launch(paths, {
      runtimeApi,
      region: settings.region,
      initializationType: this.#initializationType,
      logStream: this.#logStream,
      credentials: settings.credentials(this.#fn),
    })
    const names = launch.companions.map(({ command }) => basename(command[0]!))
    for (const name of names) this.extensions.expect(name)
    // Nobody can have connected before.
    this.#api = openApi(this.#owner, this.#fn, names)
    return launch
  }
}
