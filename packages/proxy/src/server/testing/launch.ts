import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import type { ProgramSettings } from './program.ts'

/** A line that the program under test wrote; see program.ts. */
export interface ProgramEvent {
  readonly event: string
  readonly pid: number
  readonly [field: string]: unknown
}

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** Bundles program.ts from its sources, so that these tests do not depend on an earlier build. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'server-'))
  readonly #programs: Program[] = []

  constructor() {
    const sources = ['program.ts', 'modules/supervisor.ts', 'modules/gateway.ts', 'modules/worker.ts']
    buildSync({
      entryPoints: sources.map((name) => fileURLToPath(new URL(name, import.meta.url))),
      entryNames: '[name]',
      outExtension: { '.js': '.mjs' },
      outdir: this.folder,
      bundle: true,
      platform: 'node',
      format: 'esm',
    })
  }

  launch(settings: ProgramSettings, name: 'program' | 'supervisor' = 'program'): Program {
    const program = new Program(join(this.folder, `${name}.mjs`), settings)
    this.#programs.push(program)
    return program
  }

  /** Ends what a failed test left behind. */
  async killAll(): Promise<void> {
    for (const program of this.#programs.splice(0)) {
      program.child.kill('SIGKILL')
      await program.everyProcessEnded
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}

export class Program {
  readonly child: ChildProcess
  readonly events: ProgramEvent[] = []
  readonly exited: Promise<{ code: number | null; signal: string | null }>
  /** Resolves when the last process that holds the supervisor's standard output has ended: the whole family is gone. */
  readonly everyProcessEnded: Promise<void>
  stderr = ''
  #waiting: {
    matches: (event: ProgramEvent) => boolean
    resolve: (event: ProgramEvent) => void
    reject: (error: Error) => void
  }[] = []

  constructor(script: string, settings: ProgramSettings) {
    const child = spawn(process.execPath, [script, 'argument'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PROGRAM: JSON.stringify(settings) },
    })
    this.child = child
    child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
    createInterface(child.stdout).on('line', (line) => this.#onLine(line))
    this.exited = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })))
    this.everyProcessEnded = new Promise((resolve) => child.on('close', () => resolve()))
    child.on('close', () => {
      for (const { reject } of this.#waiting) reject(new Error(`the program ended first: ${this.stderr}`))
    })
  }

  /** The first event, past or future, of this name whose fields match. Rejects when the program ends without it. */
  event(name: string, fields: Partial<ProgramEvent> = {}): Promise<ProgramEvent> {
    return this.#find(
      (event) => event.event === name && Object.entries(fields).every(([key, value]) => event[key] === value),
    )
  }

  log(pattern: RegExp): Promise<ProgramEvent> {
    return this.#find((event) => event.event === 'log' && pattern.test(String(event['message'])))
  }

  /** The port of a listener, once the program is ready. */
  async port(index = 0): Promise<number> {
    const ready = await this.event('ready')
    return (ready['listeners'] as { address: { port: number } }[])[index].address.port
  }

  #find(matches: (event: ProgramEvent) => boolean): Promise<ProgramEvent> {
    const past = this.events.find(matches)
    if (past !== undefined) return Promise.resolve(past)
    return new Promise((resolve, reject) => this.#waiting.push({ matches, resolve, reject }))
  }

  #onLine(line: string): void {
    const event = JSON.parse(line) as ProgramEvent
    this.events.push(event)
    this.#waiting = this.#waiting.filter(({ matches, resolve }) => {
      if (!matches(event)) return true
      resolve(event)
      return false
    })
  }
}

/** One GET on a connection of its own, or on the agent's. Rejects with the socket's error. */
export function get(target: number | string, path = '/', agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const where = typeof target === 'number' ? { host: '127.0.0.1', port: target } : { socketPath: target }
    request({ ...where, path, agent: agent ?? false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('error', reject)
      response.on('end', () => {
        const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text }
        resolve({ status: response.statusCode!, body })
      })
    })
      .on('error', reject)
      .end()
  })
}

/** Asks one after the other until `stop()`, which returns what happened. Bounded by a count. */
export class LoadLoop {
  readonly statuses = new Map<number, number>()
  readonly errors: string[] = []
  #stopped = false
  readonly #done: Promise<void>

  constructor(port: number, options: { keepAlive: boolean; limit: number }) {
    // Without keepAlive the agent asks for `connection: close`, and every request has a connection of its own.
    const agent = new Agent({ keepAlive: options.keepAlive, maxSockets: 1 })
    this.#done = this.#run(port, agent, options.limit).finally(() => agent.destroy())
  }

  async stop(): Promise<this> {
    this.#stopped = true
    await this.#done
    return this
  }

  async #run(port: number, agent: Agent, limit: number): Promise<void> {
    for (let i = 0; i < limit && !this.#stopped; i++) {
      try {
        const { status } = await get(port, '/', agent)
        this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
      } catch (error) {
        this.errors.push((error as NodeJS.ErrnoException).code ?? String(error))
      }
    }
  }
}
