import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type DiscoveredNode, settleNodes } from './settle-nodes.ts'
import type { FoundNode } from './source.ts'

const FORMAT = 'sekisho discovery 1'
/** Changes within this time are written together: the file is written whole. */
export const WRITE_AFTER_MS = 500
/** 100 bytes a node: 600,000 nodes. */
const MAX_FILE_BYTES = 64 * 1024 * 1024

type Services = ReadonlyMap<string, readonly DiscoveredNode[]>

/** The nodes of all services on disk, by key: what a gateway starts with while a registry is away. */
export class LastGoodNodes {
  private readonly path: string
  private readonly failed: (error: Error) => void
  private timer: NodeJS.Timeout | undefined
  private writing: Promise<void> = Promise.resolve()
  private latest: (() => Services) | undefined

  /** @param failed the file cannot be read or written; discovery goes on without it */
  constructor(path: string, failed: (error: Error) => void) {
    this.path = path
    this.failed = failed
  }

  async read(): Promise<Services> {
    try {
      if ((await stat(this.path)).size > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} bytes`)
      return parse(await readFile(this.path, 'utf8'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.failed(error as Error)
      return new Map()
    }
  }

  /** Something changed: `services` is asked when the file is written, soon. */
  changed(services: () => Services): void {
    this.latest = services
    this.timer ??= setTimeout(() => this.flush(), WRITE_AFTER_MS)
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    clearTimeout(this.timer)
    this.flush()
    await this.writing
  }

  private flush(): void {
    this.timer = undefined
    const { latest } = this
    this.latest = undefined
    if (latest === undefined) return
    const text = JSON.stringify({ format: FORMAT, services: Object.fromEntries(latest()) })
    this.writing = this.writing.then(() => replace(this.path, text)).catch(this.failed)
  }
}

function parse(text: string): Services {
  const written = JSON.parse(text) as { format?: unknown; services?: Record<string, readonly FoundNode[]> } | null
  if (written?.format !== FORMAT || typeof written.services !== 'object') throw new Error('it is of another format')
  const lists = Object.entries(written.services).filter(([, list]) => Array.isArray(list))
  return new Map(
    lists.map(([key, list]) => [
      key,
      settleNodes(list.filter((node) => typeof node === 'object' && node !== null)).nodes,
    ]),
  )
}

async function replace(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  // Two processes of an upgrade may write at the same time.
  const beside = `${path}.${process.pid}.new`
  const file = await open(beside, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}
