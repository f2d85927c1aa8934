import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeployedFunction } from '../../model/deployed-function.ts'
import { planLaunch, type LaunchSettings } from '../plan-launch.ts'
import { FakeRuntimeApi, type FakeOutcome } from './fake-runtime-api.ts'

export interface RuntimeExit {
  readonly kind: 'exit'
  readonly status: number | null
  readonly signal: string | null
}

/** A function's process as the `process` driver would start it, against a fake Runtime API. */
export class RunningRuntime {
  readonly api: FakeRuntimeApi
  readonly exited: Promise<RuntimeExit>
  readonly initError: Promise<FakeOutcome>
  private written = ''
  private readonly child: ChildProcess
  private readonly temporary: string

  private constructor(api: FakeRuntimeApi, child: ChildProcess, temporary: string) {
    this.api = api
    this.child = child
    this.temporary = temporary
    child.stdout!.on('data', (bytes: Buffer) => (this.written += bytes.toString()))
    child.stderr!.on('data', (bytes: Buffer) => (this.written += bytes.toString()))
    this.exited = new Promise((resolve) => {
      child.once('close', (status, signal) => resolve({ kind: 'exit', status, signal }))
    })
    this.initError = new Promise((resolve) => {
      api.onInitError = resolve
    })
  }

  /** Rejects with the problem when there is no plan. */
  static async start(fn: DeployedFunction, settings: LaunchSettings): Promise<RunningRuntime> {
    const plan = planLaunch(fn, settings)
    if ('errorType' in plan) throw new Error(`${plan.errorType}: ${plan.message}`)
    const api = await FakeRuntimeApi.listen()
    const temporary = mkdtempSync(join(tmpdir(), 'sekisho-runtime-'))
    const paths = {
      task: fn.taskDirectory,
      layers: fn.layersDirectory,
      runtime: plan.runtimeDirectory,
      temporary,
      interpreter: plan.interpreter,
    }
    const { command, environment, workingDirectory } = plan.launch(paths, {
      runtimeApi: api.address,
      region: 'us-east-1',
      initializationType: 'on-demand',
      logStream: '2026/11/20/[$LATEST]0123456789abcdef0123456789abcdef',
      credentials: undefined,
    })
    const [file, ...parameters] = command
    const env = { ...environment, TMPDIR: temporary }
    const child = spawn(file!, parameters, {
      cwd: workingDirectory,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    return new RunningRuntime(api, child, temporary)
  }

  /** An event's outcome, or how the process ended before it had one. */
  invoke(payload: unknown, headers: Readonly<Record<string, string>> = {}): Promise<FakeOutcome | RuntimeExit> {
    return Promise.race([this.api.invoke(payload, headers), this.exited])
  }

  /** Ends it; all that it wrote. */
  async output(): Promise<string> {
    await this.stop()
    return this.written
  }

  async stop(): Promise<void> {
    try {
      // With whatever it started: it leads a process group.
      process.kill(-this.child.pid!, 'SIGKILL')
    } catch {
      // All of it has ended.
    }
    await this.exited
    this.api.close()
    rmSync(this.temporary, { recursive: true, force: true })
  }
}
