import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** The examples as bundles of their sources: Node 20 runs no TypeScript, and a test should not need an earlier build. */
export class Examples {
  readonly folder = mkdtempSync(join(tmpdir(), 'examples-'))
  private readonly running: Example[] = []

  constructor(names: readonly string[]) {
    buildSync({
      entryPoints: names.map((name) => source(`../${name}.ts`)),
      outExtension: { '.js': '.mjs' },
      outdir: this.folder,
      bundle: true,
      platform: 'node',
      format: 'esm',
      alias: {
        '@sekisho/proxy': source('../../packages/proxy/src/index.ts'),
        '@sekisho/wire': source('../../packages/wire/src/index.ts'),
      },
    })
  }

  /** Starts one, on free ports, and waits until it serves. */
  async start(name: string, environment: Readonly<Record<string, string>> = {}): Promise<Example> {
    const example = new Example(join(this.folder, `${name}.mjs`), await freePorts(), environment)
    this.running.push(example)
    await example.output(/ready/)
    return example
  }

  /** Ends what a failed test left behind. */
  async endAll(): Promise<void> {
    await Promise.all(this.running.splice(0).map((example) => example.kill()))
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Ask {
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
  readonly body?: string
}

export class Example {
  readonly port: number
  /** Standard output and standard error so far. */
  text = ''
  readonly exited: Promise<number | string | null>
  private readonly child: ChildProcess
  /** The last process that holds the output has ended: the whole family is gone. */
  private readonly closed: Promise<void>
  /** Requests of one example share a connection, as those of one curl command do. */
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 })
  private changed: (() => void)[] = []

  constructor(script: string, port: number, environment: Readonly<Record<string, string>>) {
    this.port = port
    this.child = spawn(process.execPath, [script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment, PORT: String(port) },
    })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.text += bytes.toString()
        for (const wake of this.changed.splice(0)) wake()
      })
    }
    this.exited = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve(code ?? signal)))
    this.closed = new Promise((resolve) => this.child.on('close', () => resolve()))
  }

  /** Waits until what was written matches; rejects when the program ends without it. */
  async output(pattern: RegExp): Promise<RegExpExecArray> {
    const ended = this.exited.then((status) => {
      throw new Error(`the example ended with ${status} before it wrote ${pattern}:\n${this.text}`)
    })
    ended.catch(() => undefined)
    for (;;) {
      const match = pattern.exec(this.text)
      if (match !== null) return match
      await Promise.race([new Promise<void>((resolve) => this.changed.push(resolve)), ended])
    }
  }

  ask(path: string, { headers = {}, method, body }: Ask = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
      const options = {
        host: '127.0.0.1',
        port: this.port,
        path,
        agent: this.agent,
        headers: { ...length, ...headers },
      }
      request({ ...options, method: method ?? (body === undefined ? 'GET' : 'POST') }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
      })
        .on('error', reject)
        .end(body)
    })
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  /** SIGTERM; resolves with the exit status. */
  stop(): Promise<number | string | null> {
    this.agent.destroy()
    this.signal('SIGTERM')
    return this.exited
  }

  async kill(): Promise<void> {
    this.agent.destroy()
    this.child.kill('SIGKILL')
    await this.closed
  }
}

/**
 * The first of three free ports in a row: an example uses up to that many. They are taken from below those that the kernel gives away
 * (from 32768), so that no other test's server gets one between this look and the start of the example.
 */
async function freePorts(): Promise<number> {
  for (let first = 20_000 + (process.pid % 4_000) * 3; first < 32_000; first += 3) {
    const servers: Server[] = []
    try {
      for (const next of [0, 1, 2]) servers.push(await listen(first + next))
      return first
    } catch {
      // One of them is taken: the next three may be free.
    } finally {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    }
  }
  throw new Error('no three free ports in a row below 32,000')
}

const listen = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
