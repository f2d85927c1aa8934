import { BackOff } from '../back-off.ts'
import { Deadline } from '../deadline.ts'
import { fieldsOf, listOf, textOf, type Fields } from '../http/fields.ts'
import type { ServiceListener } from '../source.ts'
import { wait } from '../wait.ts'
import { ApiError, ApiServer } from './api-server.ts'
import { jsonLines } from './json-lines.ts'
import type { ClusterSettings } from './kubernetes-settings.ts'
import { namespaceFilter } from './namespace-filter.ts'
import { SliceTable } from './slice-table.ts'

const PAGE = 500
/** A watch is begun anew this often, where it was: a connection that is dead without anybody knowing is met soon. */
const WATCH_SECONDS = 60
const WATCH_SPREAD_SECONDS = 30
/** How much later than it was asked to a server may end a watch. */
const WATCH_SLACK_MS = 10_000

/** A watch that ends within this time has told nothing of the health of its server. */
const SHORT_WATCH_MS = 1_000

interface Follower {
  readonly service: string
  readonly port: string
  readonly listener: ServiceListener
}

/** What was listed is too old to be followed. */
const isGone = (error: unknown): boolean => error instanceof ApiError && error.status === 410

/**
 * The EndpointSlices of a cluster: listed once in pages, then watched from the version of the list. A watch goes on where the last one
 * ended, by the versions of its events and bookmarks; 410 (too old) lists anew, and what was known serves until that list is whole.
 */
export class Cluster {
  private readonly settings: ClusterSettings
  private readonly server: ApiServer
  private readonly accepts: (namespace: string) => boolean
  private readonly followers = new Set<Follower>()
  private readonly stop = new AbortController()
  private readonly backOff = new BackOff()
  /** Undefined until the first list is whole. */
  private table: SliceTable | undefined
  private lastError: Error | undefined

  constructor(settings: ClusterSettings, environment: NodeJS.ProcessEnv) {
    this.settings = settings
    this.server = new ApiServer(settings, environment)
    this.accepts = namespaceFilter(settings.namespace_selector)
  }

  async open(): Promise<void> {
    await this.server.open()
    void this.run()
  }

  /** @param service `namespace/name` @param port name, number, or '' */
  follow(service: string, port: string, listener: ServiceListener): () => void {
    if (!this.accepts(service.split('/', 1)[0])) throw new Error('its namespace is not one of "namespace_selector"')
    const follower = { service, port, listener }
    this.followers.add(follower)
    if (this.table !== undefined) this.tell(follower, this.table)
    else if (this.lastError !== undefined) listener.failed(this.lastError)
    return () => this.followers.delete(follower)
  }

  close(): void {
    this.stop.abort()
    this.followers.clear()
    this.server.close()
  }

  private async run(): Promise<void> {
    const { signal } = this.stop
    let version: string | undefined
    while (!signal.aborted) {
      try {
        version ??= await this.list()
        const begun = performance.now()
        version = await this.watch(version)
        // A server that ends watches at once would be asked without end.
        if (performance.now() - begun < SHORT_WATCH_MS) await wait(this.backOff.next(), signal)
        else this.backOff.reset()
      } catch (error) {
        if (signal.aborted) return
        version = error instanceof WatchEnd ? error.version : undefined
        const cause = error instanceof WatchEnd ? error.cause : error
        // Versions go out of date by themselves: that is no failure, but a server that says so each time must not be asked at once.
        if (!isGone(cause)) this.failed(cause as Error)
        await wait(this.backOff.next(), signal)
      }
    }
  }

  /** All slices, and the version that they are of. */
  private async list(): Promise<string> {
    const table = new SliceTable()
    let next = ''
    for (;;) {
      const query = this.query({ limit: String(PAGE), ...(next === '' ? {} : { continue: next }) })
      const answer = fieldsOf(await this.server.get(this.path, query, this.stop.signal))
      for (const item of listOf(answer['items'], 'the list of EndpointSlices').map(fieldsOf))
        if (this.wants(item)) table.set(item)
      const { resourceVersion, continue: more } = fieldsOf(answer['metadata'])
      next = textOf(more)
      if (next !== '') continue
      if (textOf(resourceVersion) === '') throw new Error('the list of EndpointSlices has no resourceVersion')
      this.table = table
      this.lastError = undefined
      this.tellAll()
      return textOf(resourceVersion)
    }
  }

  /** Until the server ends it. Returns the version to go on from. @throws WatchEnd with that, and why */
  private async watch(from: string): Promise<string> {
    const seconds = WATCH_SECONDS + Math.floor(Math.random() * WATCH_SPREAD_SECONDS)
    const query = this.query({
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: from,
      timeoutSeconds: String(seconds),
    })
    let version = from
    const begun = performance.now()
    const limit = new Deadline(this.stop.signal, seconds * 1_000 + WATCH_SLACK_MS)
    try {
      const stream = await this.server.watch(this.path, query, limit.signal)
      // The server can be asked again: what failed before is over, whether or not anything changes.
      if (this.lastError !== undefined) {
        this.lastError = undefined
        this.tellAll()
      }
      for await (const line of jsonLines(stream)) {
        version = this.take(fieldsOf(line)) ?? version
        if (performance.now() - begun >= SHORT_WATCH_MS) this.backOff.reset()
      }
      return version
    } catch (error) {
      if (isGone(error)) throw error
      const cause = limit.timedOut ? new Error('the watch of the cluster went silent') : error
      throw new WatchEnd(version, cause as Error)
    } finally {
      limit.end()
    }
  }

  /** One event. Returns its version. */
  private take({ type, object: written }: Fields): string | undefined {
    const object = fieldsOf(written)
    const table = this.table as SliceTable
    if (type === 'ERROR') {
      const code = Number(object['code'])
      throw new ApiError(
        code,
        `the watch of the cluster ended: ${textOf(object['message']).slice(0, 200) || `status ${code}`}`,
      )
    }
    const version = textOf(fieldsOf(object['metadata'])['resourceVersion'])
    if (type === 'BOOKMARK') this.tellAll()
    else if (this.wants(object)) {
      const changed =
        type === 'DELETED' ? table.remove(object) : type === 'ADDED' || type === 'MODIFIED' ? table.set(object) : []
      for (const follower of this.followers) if (changed.includes(follower.service)) this.tell(follower, table)
    }
    return version === '' ? undefined : version
  }

  private tellAll(): void {
    if (this.table !== undefined) for (const follower of this.followers) this.tell(follower, this.table)
  }

  private tell({ service, port, listener }: Follower, table: SliceTable): void {
    try {
      listener.found(table.nodesOf(service, port, this.settings.default_weight ?? 50))
    } catch (error) {
      listener.failed(error as Error)
    }
  }

  private failed(error: Error): void {
    this.lastError = error
    for (const { listener } of this.followers) listener.failed(error)
  }

  private wants(object: Fields): boolean {
    return this.accepts(textOf(fieldsOf(object['metadata'])['namespace']))
  }

  private get path(): string {
    const { equal } = this.settings.namespace_selector ?? {}
    return `/apis/discovery.k8s.io/v1${equal === undefined ? '' : `/namespaces/${equal}`}/endpointslices`
  }

  private query(fields: Record<string, string>): URLSearchParams {
    const { label_selector: labelSelector } = this.settings
    return new URLSearchParams({ ...fields, ...(labelSelector === undefined ? {} : { labelSelector }) })
  }
}

/** A watch that broke off: what came before holds. */
class WatchEnd extends Error {
  override name = 'WatchEnd'
  readonly version: string
  override readonly cause: Error

  constructor(version: string, cause: Error) {
    super(cause.message)
    this.version = version
    this.cause = cause
  }
}
