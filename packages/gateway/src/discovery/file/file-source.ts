import { readFile, stat } from 'node:fs/promises'
import { parse } from 'yaml'
import { parseNodeAddress } from '../../resources/node-address.ts'
import { watchFile } from '../../store/file-watcher.ts'
import { fieldsOf, metadataOf, textOf } from '../http/fields.ts'
import type { DiscoverySource, FoundNode, ServiceArgs, ServiceListener } from '../source.ts'
import { BackOff } from '../back-off.ts'
import type { FileDiscoverySettings } from './file-settings.ts'

/** 16 MiB: 300,000 nodes. */
const MAX_FILE_BYTES = 16 * 1024 * 1024

/**
 * Services in a file, as other programs write it (a template, a cron job). Read again when it changes; a file that is missing or broken
 * is a registry that cannot be asked, and what was read before stays.
 *
 * ```yaml
 * services:
 *   shop: { "10.0.0.1:8080": 1, "10.0.0.2:8080": 1 }
 *   users: [{ host: 10.0.0.3, port: 8080, weight: 2, priority: 0, metadata: { zone: a } }]
 * ```
 */
export class FileSource implements DiscoverySource {
  private readonly path: string
  private readonly listeners = new Map<ServiceListener, string>()
  private readonly backOff = new BackOff()
  private services: ReadonlyMap<string, readonly FoundNode[]> | Error = new Error('the file was not read yet')
  private stopWatching: (() => void) | undefined
  private timer: NodeJS.Timeout | undefined
  private reading: Promise<void> | undefined
  private again = false
  private closed = false

  constructor({ path }: FileDiscoverySettings) {
    this.path = path
  }

  async open(): Promise<void> {
    this.startWatching()
    await this.read()
  }

  watch(service: string, _args: ServiceArgs, listener: ServiceListener): () => void {
    this.listeners.set(listener, service)
    this.tell(service, listener)
    return () => this.listeners.delete(listener)
  }

  close(): Promise<void> {
    this.closed = true
    clearTimeout(this.timer)
    this.stopWatching?.()
    this.listeners.clear()
    return Promise.resolve()
  }

  /** The folder may not be there yet, or be replaced. */
  private startWatching(): void {
    try {
      this.stopWatching = watchFile(
        this.path,
        () => void this.read(),
        () => {
          this.stopWatching?.()
          this.stopWatching = undefined
          this.later()
        },
      )
    } catch {
      this.stopWatching = undefined
    }
  }

  /** One reading at a time; a change while it runs is read after it. */
  private read(): Promise<void> {
    if (this.reading !== undefined) {
      this.again = true
      return this.reading
    }
    return (this.reading = this.readOnce().finally(() => {
      this.reading = undefined
      if (!this.again) return
      this.again = false
      void this.read()
    }))
  }

  private async readOnce(): Promise<void> {
    const services = await load(this.path).catch((error: Error) => error)
    if (this.closed) return
    this.services = services
    if (services instanceof Error || this.stopWatching === undefined) this.later()
    else this.backOff.reset()
    for (const [listener, service] of this.listeners) this.tell(service, listener)
  }

  private later(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      if (this.stopWatching === undefined) this.startWatching()
      void this.read()
    }, this.backOff.next())
    this.timer.unref()
  }

  private tell(service: string, listener: ServiceListener): void {
    const { services } = this
    if (services instanceof Error) listener.failed(services)
    else listener.found(services.get(service) ?? [])
  }
}

async function load(path: string): Promise<ReadonlyMap<string, readonly FoundNode[]>> {
  const problem = (what: string): Error => new Error(`${path} ${what}`)
  let text: string
  try {
    if ((await stat(path)).size > MAX_FILE_BYTES) throw problem(`has more than ${MAX_FILE_BYTES} bytes`)
    text = await readFile(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw code === 'ENOENT'
      ? problem('does not exist')
      : code === undefined
        ? error
        : problem(`cannot be read: ${message}`)
  }
  let written: unknown
  try {
    // JSON is YAML, and the strict parser of it is a hundred times faster.
    written = path.endsWith('.json') ? JSON.parse(text) : parse(text)
  } catch (error) {
    throw problem(`is not ${path.endsWith('.json') ? 'JSON' : 'YAML'}: ${(error as Error).message.split('\n', 1)[0]}`)
  }
  const { services } = fieldsOf(written)
  // An editor that truncates before it writes must not take every service away.
  if (typeof services !== 'object' || services === null || Array.isArray(services))
    throw problem('has no "services: { NAME: nodes }"')
  return new Map(Object.entries(services).map(([name, nodes]) => [name, nodesOf(name, nodes, problem)]))
}

function nodesOf(name: string, nodes: unknown, problem: (what: string) => Error): FoundNode[] {
  if (Array.isArray(nodes)) {
    return nodes.map(fieldsOf).map(({ host, port, weight, priority, metadata }) => ({
      host: textOf(host).replace(/^\[(.*)\]$/, '$1'),
      port: port as number | undefined,
      ...(weight === undefined ? {} : { weight: weight as number }),
      ...(priority === undefined ? {} : { priority: priority as number }),
      metadata: metadataOf(metadata),
    }))
  }
  if (typeof nodes !== 'object' || nodes === null)
    throw problem(`has no nodes for "${name.slice(0, 60)}": write { "HOST:PORT": WEIGHT } or a list of nodes`)
  return Object.entries(nodes).map(([text, weight]) => {
    const address = parseNodeAddress(text)
    return typeof address === 'string' ? { host: text, port: undefined } : { ...address, weight: weight as number }
  })
}
