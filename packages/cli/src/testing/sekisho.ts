import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const COMMAND = fileURLToPath(new URL('../../bin/sekisho.js', import.meta.url))

/** Longer than any grace period in these tests. */
const PATIENCE_MS = 10_000

export interface SekishoOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** The script that is started; default: that of this checkout. */
  readonly command?: string
  /** What stands before it, as `taskset -c 0`; it must become the command, not start it. */
  readonly prefix?: readonly string[]
}

/** A `sekisho …` that runs, from the built files, as a user would start it. */
export class Sekisho {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''
  /** The exit status of the process that was started. */
  readonly exited: Promise<number | null>
  /** Nobody holds its standard output and error any more: every process that it started has ended, too. */
  readonly everyProcessEnded: Promise<void>
  private ended = false
  private waiting: (() => void)[] = []

  constructor(args: readonly string[], options: SekishoOptions = {}) {
    const [program = '', ...rest] = [...(options.prefix ?? []), process.execPath, options.command ?? COMMAND, ...args]
    this.child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
    })
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString()
      this.wake()
    })
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString()
      this.wake()
    })
    this.exited = new Promise((resolve) => this.child.once('exit', resolve))
    this.everyProcessEnded = new Promise((resolve) =>
      this.child.once('close', () => {
        this.ended = true
        this.wake()
        resolve()
      }),
    )
  }

  /** The match of a pattern in what was or will be printed. Rejects when the command ends without it. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr)
      if (match !== null) return match
      if (this.ended) throw new Error(`ended without ${pattern}:\n${this.stdout}\n${this.stderr}`)
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    }
  }

  /** Ends it as Ctrl-C would, or by force when that does not do. For the end of a test, however that went. */
  async stop(): Promise<void> {
    if (this.ended) return
    this.child.kill('SIGINT')
    const force = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MS)
    await this.everyProcessEnded
    clearTimeout(force)
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve()
  }
}

export interface Result {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end. */
export async function sekisho(args: readonly string[], options?: SekishoOptions): Promise<Result> {
  const running = new Sekisho(args, options)
  const status = await running.exited
  await running.everyProcessEnded
  return { status, stdout: running.stdout, stderr: running.stderr }
}
