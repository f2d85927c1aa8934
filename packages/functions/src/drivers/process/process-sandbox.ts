import type { ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Server, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Program } from '../launcher/launch-script.ts'
import type { Sandbox, SandboxEvents, SandboxExit, SandboxLaunch, SandboxPaths, SandboxSpec } from '../driver.ts'
import { peakBytes, residentBytes } from './process-memory.ts'
import { startProgram, type ProgramHost } from './start-program.ts'

/** Output of programs that have ended is waited for so long. */
const LAST_OUTPUT_MS = 100

/** What all sandboxes of the driver share. */
export interface ProcessHost extends ProgramHost {
  /** Each has a folder of its own in it, as its /tmp. */
  readonly folder: string
  readonly started: (id: string, pid: number) => void
  readonly ended: (sandbox: ProcessSandbox) => void
}

/**
 * Programs of one environment as plain processes, each the leader of a process group of its own (`detached`), so that a signal reaches
 * whatever they started. The Runtime API is a listener of this environment on a port of its own.
 */
export class ProcessSandbox implements Sandbox {
  readonly spec: SandboxSpec
  private readonly events: SandboxEvents
  private readonly host: ProcessHost
  private readonly temporary: string
  private readonly listener = new Server()
  private readonly programs: ChildProcess[] = []
  private running = 0
  private frozen = false
  private killed = false
  private over = false
  private peak = 0
  private exit: SandboxExit = { status: undefined, signal: undefined, outOfMemory: false, failure: undefined }

  constructor(spec: SandboxSpec, events: SandboxEvents, host: ProcessHost) {
    this.spec = spec
    this.events = events
    this.temporary = join(host.folder, spec.id)
    this.host = host
    this.listener.on('connection', (socket) => {
      if (this.over) socket.destroy()
      else events.onConnection(socket)
    })
    this.listener.once('error', (error) => this.fail(`the Runtime API cannot listen: ${error.message}`))
    this.listener.listen({ host: '127.0.0.1', port: 0 }, () => this.launch())
  }

  get pid(): number {
    return this.programs[0]?.pid ?? 0
  }

  limitCpus(): void {
    // Without cgroups there is nothing that could hold it to a part of a CPU.
  }

  freeze(): void {
    if (this.frozen) return
    this.frozen = true
    this.signal('SIGSTOP')
  }

  thaw(): void {
    if (!this.frozen) return
    this.frozen = false
    this.signal('SIGCONT')
  }

  kill(): void {
    this.killed = true
    this.signal('SIGKILL')
    if (this.programs.length === 0) this.finish()
  }

  terminate(): void {
    this.thaw()
    this.signal('SIGTERM')
  }

  peakMemoryBytes(): number {
    if (this.pid !== 0 && !this.over) this.peak = Math.max(this.peak, peakBytes(this.pid))
    return this.peak
  }

  /** Ends it when it holds more than it may. Only a sample: what comes and goes between two of them is not seen. */
  async watchMemory(): Promise<void> {
    if (this.frozen || this.over || this.pid === 0) return
    let total = 0
    for (const program of this.programs) {
      if (program.pid !== undefined && program.exitCode === null) total += await residentBytes(program.pid)
    }
    this.peak = Math.max(this.peak, total)
    if (total <= this.spec.memoryMb * 1_048_576 || this.over) return
    this.exit = { ...this.exit, outOfMemory: true }
    this.signal('SIGKILL')
  }

  private launch(): void {
    if (this.killed) return this.finish()
    const { spec } = this
    const { port } = this.listener.address() as AddressInfo
    const paths: SandboxPaths = {
      task: spec.taskDirectory,
      layers: spec.layersDirectory,
      runtime: spec.runtimeDirectory,
      temporary: this.temporary,
      interpreter: spec.interpreter,
    }
    let launch: SandboxLaunch
    try {
      mkdirSync(this.temporary, { recursive: true, mode: 0o700 })
      launch = spec.launch(paths, `127.0.0.1:${port}`)
    } catch (error) {
      return this.fail(error instanceof Error ? error.message : String(error))
    }
    for (const companion of launch.companions) this.run(companion, launch.workingDirectory, false)
    this.run(launch, launch.workingDirectory, true)
  }

  private run(program: Program, cwd: string, main: boolean): void {
    const variables = { ...program.environment, TMPDIR: this.temporary }
    const started = startProgram(this.host, { command: program.command, environment: variables }, cwd)
    const { child } = started
    if (main) this.programs.unshift(child)
    else this.programs.push(child)
    this.running++
    child.stdout!.on('data', (bytes: Buffer) => this.events.onOutput('stdout', bytes))
    child.stderr!.on('data', (bytes: Buffer) => this.events.onOutput('stderr', bytes))
    child.once('error', (error: NodeJS.ErrnoException) => {
      // Of a program that runs only its end counts; one without a number never ran, and its end does not come.
      if (child.pid !== undefined) return
      this.ranOut(child, main, { ...this.exit, failure: `${program.command[0]}: ${error.code ?? error.message}` })
    })
    child.once('exit', (code, signal) => {
      const exit = { ...this.exit, status: code ?? undefined, signal: signal ?? undefined }
      void started.failure().then((failure) => {
        this.ranOut(child, main, failure === undefined ? exit : { ...this.exit, failure })
      })
    })
    if (main && child.pid !== undefined) this.host.started(this.spec.id, child.pid)
    if (this.frozen) this.signal('SIGSTOP')
  }

  /** The main program takes the others with it, and what any of them left in its group goes too. */
  private ranOut(child: ChildProcess, main: boolean, exit: SandboxExit): void {
    this.running--
    signalGroup(child, 'SIGKILL')
    if (main) {
      this.exit = exit
      this.signal('SIGKILL')
    }
    if (this.running === 0) this.finish()
  }

  private fail(failure: string): void {
    this.exit = { ...this.exit, failure }
    this.finish()
  }

  /** What a program wrote last is still in its pipes; one that left its group could hold them open for ever. */
  private finish(): void {
    if (this.over) return
    this.over = true
    this.listener.close()
    const closed = this.programs.filter((program) => program.pid !== undefined).map(whenClosed)
    const patience = setTimeout(() => this.programs.forEach(closeOutput), LAST_OUTPUT_MS)
    void Promise.all(closed).then(() => {
      clearTimeout(patience)
      rm(this.temporary, { recursive: true, force: true }).catch(() => undefined)
      this.host.ended(this)
      this.events.onExit(this.exit)
    })
  }

  private signal(name: NodeJS.Signals): void {
    for (const program of this.programs) signalGroup(program, name)
  }
}

const whenClosed = (program: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (program.stdout?.closed === true && program.stderr?.closed === true) resolve()
    else program.once('close', () => resolve())
  })

function closeOutput(program: ChildProcess): void {
  program.stdout?.destroy()
  program.stderr?.destroy()
}

function signalGroup(program: ChildProcess, name: NodeJS.Signals): void {
  if (program.pid === undefined) return
  try {
    process.kill(-program.pid, name)
  } catch {
    // The group is empty: there is nothing to signal.
  }
}
