import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Backoff, stderrLogger } from '@sekisho/proxy/server'
import { Failure } from '../../failure.ts'
import { isEngineMessage } from './engine-message.ts'

const MAIN = fileURLToPath(new URL('../../main.js', import.meta.url))
/** Beyond the time that invocations have to end in. */
const STOP_MARGIN_MS = 5_000

/**
 * The function engine as a process beside the gateway, started again when it dies: functions outlive reloads and upgrades of the gateway, and
 * neither can take the other down.
 */
export class SupervisedEngine {
  private readonly file: string
  private readonly graceMs: number
  private readonly backoff = new Backoff()
  private child: ChildProcess | undefined
  private restart: NodeJS.Timeout | undefined
  private stopping = false

  /** @param file the configuration file */
  constructor(file: string, graceMs: number) {
    this.file = file
    this.graceMs = graceMs
  }

  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Resolves with the address of the control API when the engine serves; rejects with why it cannot. */
  async start(): Promise<string> {
    const address = await this.launch()
    this.superviseChild(performance.now())
    return address
  }

  /** Lets invocations end, then ends the process. */
  async stop(): Promise<void> {
    this.stopping = true
    clearTimeout(this.restart)
    const { child } = this
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => child.kill('SIGKILL'), this.graceMs + STOP_MARGIN_MS)
      child.once('exit', () => {
        clearTimeout(late)
        resolve()
      })
      child.kill('SIGTERM')
    })
  }

  private launch(): Promise<string> {
    const { spawn } = process.getBuiltinModule('node:child_process')
    const child = spawn(process.execPath, [MAIN, 'fn', 'engine', '-c', this.file], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.child = child
    return new Promise((resolve, reject) => {
      child.on('message', (message) => {
        if (!isEngineMessage(message)) return
        if (message.type === 'ready') resolve(message.address)
        else reject(new Failure(message.reason))
      })
      child.once('error', reject)
      child.once('exit', (status, signal) => {
        const ended = (): void =>
          reject(new Failure(`the function engine ended at its start (${signal ?? `exit status ${status}`})`))
        // What it said last may not have been read yet.
        if (child.connected) child.once('disconnect', ended)
        else ended()
      })
    })
  }

  private superviseChild(since: number): void {
    this.child?.once('exit', (status, signal) => {
      if (this.stopping) return
      const delayMs = this.backoff.next(performance.now() - since)
      stderrLogger.error(
        `the function engine ended (${signal ?? `exit status ${status}`}); starting it again${delayMs > 0 ? ` in ${delayMs} ms` : ''}`,
      )
      this.restart = setTimeout(() => this.relaunch(), delayMs)
    })
  }

  private relaunch(): void {
    const since = performance.now()
    this.launch().then(
      (address) => stderrLogger.info(`the function engine serves again on ${address}`),
      // Said, and tried again by what watches its exit.
      (error: Error) => {
        if (!this.stopping) stderrLogger.error(`the function engine does not start: ${error.message}`)
      },
    )
    this.superviseChild(since)
  }
}
