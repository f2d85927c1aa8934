import { Worker } from 'node:worker_threads'
import type { NodeConfig } from './load-node.ts'

/** A person who edits a file saves it again soon; after this time the thread and its memory are given back. */
const IDLE_MS = 10_000

interface Reply {
  readonly id: number
  readonly result?: NodeConfig
  readonly error?: string
}

/**
 * Loads configurations in a thread that lives only while it is needed. Parsing and validating take 35 MB of memory (YAML, schema compiler,
 * esbuild) and up to a second for a large file: the gateway process keeps neither the memory nor the pause.
 */
export class ConfigLoader {
  private worker: Worker | undefined
  private readonly waiting = new Map<
    number,
    { resolve: (result: NodeConfig) => void; reject: (error: Error) => void }
  >()
  private nextId = 0
  private idle: NodeJS.Timeout | undefined

  load(file: string): Promise<NodeConfig> {
    clearTimeout(this.idle)
    const worker = (this.worker ??= this.start())
    const id = this.nextId++
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      worker.postMessage({ id, file })
    })
  }

  close(): void {
    clearTimeout(this.idle)
    void this.worker?.terminate()
    this.worker = undefined
  }

  private start(): Worker {
    const worker = new Worker(
      new URL(import.meta.url.endsWith('.ts') ? './load-thread.ts' : './load-thread.js', import.meta.url),
    )
    worker.unref()
    worker.on('message', (reply: Reply) => this.settle(reply))
    worker.on('error', (error) => this.fail(worker, error))
    worker.on('exit', () => this.fail(worker, new Error('the thread that loads the configuration ended')))
    return worker
  }

  private settle({ id, result, error }: Reply): void {
    const waiting = this.waiting.get(id)
    this.waiting.delete(id)
    if (result !== undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(error))
    if (this.waiting.size > 0) return
    this.idle = setTimeout(() => this.close(), IDLE_MS)
    this.idle.unref()
  }

  private fail(worker: Worker, error: Error): void {
    if (this.worker === worker) this.worker = undefined
    for (const { reject } of this.waiting.values()) reject(error)
    this.waiting.clear()
  }
}
