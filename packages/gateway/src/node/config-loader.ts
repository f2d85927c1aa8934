import { Worker } from 'node:worker_threads'
import type { Resolved } from '../config/env-references.ts'
import type { WantedSecret } from '../config/references/secret-reference.ts'
import type { NodeConfig } from './load-node.ts'
import type { ToLoader } from './load-thread.ts'

/** A person who edits a file saves it again soon; after this time the thread and its memory are given back. */
const IDLE_MS = 10_000

interface Reply {
  readonly id: number
  readonly result?: NodeConfig
  readonly error?: string
  /** Not the end: the thread waits for what these stand for. */
  readonly wanted?: readonly WantedSecret[]
}

/** By reference. */
type ReadSecrets = (wanted: readonly WantedSecret[]) => Promise<ReadonlyMap<string, Resolved>>

/**
 * Loads configurations in a thread that lives only while it is needed. Parsing and validating take 35 MB of memory (YAML, schema compiler,
 * esbuild) and up to a second for a large file: the gateway process keeps neither the memory nor the pause.
 */
export class ConfigLoader {
  private readonly readSecrets: ReadSecrets
  private worker: Worker | undefined
  private readonly waiting = new Map<
    number,
    { resolve: (result: NodeConfig) => void; reject: (error: Error) => void }
  >()
  private nextId = 0
  private idle: NodeJS.Timeout | undefined

  constructor(readSecrets: ReadSecrets) {
    this.readSecrets = readSecrets
  }

  load(file: string): Promise<NodeConfig> {
    clearTimeout(this.idle)
    const worker = (this.worker ??= this.start())
    const id = this.nextId++
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      worker.postMessage({ type: 'load', id, file } satisfies ToLoader)
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
    worker.on('message', (reply: Reply) => {
      if (reply.wanted === undefined) this.settle(reply)
      else void this.answer(worker, reply.id, reply.wanted)
    })
    worker.on('error', (error) => this.fail(worker, error))
    worker.on('exit', () => this.fail(worker, new Error('the thread that loads the configuration ended')))
    return worker
  }

  private async answer(worker: Worker, id: number, wanted: readonly WantedSecret[]): Promise<void> {
    const values = await this.readSecrets(wanted).catch(
      (error: unknown): ReadonlyMap<string, Resolved> =>
        new Map(wanted.map(({ reference }) => [reference, { message: `could not be read: ${String(error)}` }])),
    )
    worker.postMessage({ type: 'secrets', id, values } satisfies ToLoader)
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
