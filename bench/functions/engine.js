import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../harness/ports.js'
import { processTree } from '../harness/process-tree.js'

const SEKISHO = fileURLToPath(new URL('../../packages/cli/bin/sekisho.js', import.meta.url))

/** A function engine in a process of its own, with the driver `sandbox`. */
export class Engine {
  #child
  #folder
  port

  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {string} folder
   * @param {number} port
   */
  constructor(child, folder, port) {
    this.#child = child
    this.#folder = folder
    this.port = port
  }

  /** @param {readonly string[]} nodeOptions */
  static async start(nodeOptions) {
    const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-functions-'))
    const [port] = await freePorts(1)
    const config = join(folder, 'sekisho.json')
    const functions = { address: `127.0.0.1:${port}`, path: join(folder, 'data'), driver: 'sandbox', max_memory: 1e6 }
    writeFileSync(config, JSON.stringify({ functions }))
    const child = spawn(process.execPath, [...nodeOptions, SEKISHO, 'fn', 'engine', '-c', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const lines = createInterface({ input: child.stderr })
    const [line] = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => [undefined])])
    // Its later complaints are for whoever watches.
    child.stderr.pipe(process.stderr)
    if (line === undefined || !String(line).startsWith('functions on')) {
      child.kill('SIGKILL')
      process.stderr.write(`${line}\n`)
      rmSync(folder, { recursive: true })
      throw new Error('the engine did not start')
    }
    return new Engine(child, folder, port)
  }

  get pid() {
    return this.#child.pid ?? 0
  }

  /** CPU time so far in seconds: of the engine alone, and of it with everything that it runs. */
  cpu() {
    const tree = processTree(this.pid)
    return { engine: tree[0].cpuSeconds, all: tree.reduce((sum, process) => sum + process.cpuSeconds, 0) }
  }

  async stop() {
    this.#child.kill('SIGTERM')
    if (this.#child.exitCode === null) await once(this.#child, 'exit')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
