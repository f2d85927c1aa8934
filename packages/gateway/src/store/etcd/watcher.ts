import { setTimeout as pause } from 'node:timers/promises'
import type { BackendChange, BackendListener, DocumentKey, StoredDocument } from '../backend/backend.ts'
import type { Connection } from './client/connection.ts'
import type { EtcdClient } from './client/etcd-client.ts'
import { EtcdError, isEtcdFailure } from './client/etcd-error.ts'
import { HEARTBEAT_MS, runWatch } from './client/watch-stream.ts'
import { documentIn, type MarkedSnapshot, type StoreMark } from './documents.ts'
import type { WatchedLayout } from './layout.ts'
import type { ResponseHeader, WatchEvent } from './messages/messages.ts'
import { findRestored } from './restored.ts'

/** Between attempts to get the watch going; doubled each time. */
const FIRST_PAUSE_MS = 50
const LAST_PAUSE_MS = 1_000

export interface WatcherOptions {
  readonly client: EtcdClient
  readonly layout: WatchedLayout
  readonly listener: BackendListener
  readonly readSnapshot: () => Promise<MarkedSnapshot>
  readonly afterRevision: number
  /** Of the snapshot that the watch goes on from; undefined when it is not known. */
  readonly mark: StoreMark | undefined
  /** Told of every change, but not of large commits. */
  readonly saw: (change: BackendChange) => void
  /** A large commit is being copied into place; called while that lasts. */
  readonly onLargeCommit: () => void
  readonly onProblem: (error: unknown) => void
  readonly heartbeatMs?: number | undefined
}

/** How often a node looks whether the one that writes a large commit is still there. */
const LARGE_COMMIT_CHECK_MS = 5_000

/**
 * Follows the documents from a revision, whatever happens to connections and to etcd: each change once and in order, or a resync where
 * changes are lost. Lives until `stop`.
 */
export class Watcher {
  readonly #options: WatcherOptions
  readonly #stopped = new AbortController()
  /** Of the last events that were told: nothing comes twice. Nothing but events moves it, so that nothing else makes events be left out. */
  #revision: number
  /** All up to here was told, or does not concern the documents: the watch goes on from here. */
  #progress: number
  #mark: StoreMark | undefined
  #connected: boolean | undefined
  /** In this attempt, etcd has agreed to tell. */
  #created = false
  /** Changes since the marker of a large commit appeared. */
  #held: Map<DocumentKey, StoredDocument | undefined> | undefined
  #heldTimer: NodeJS.Timeout | undefined

  constructor(options: WatcherOptions) {
    this.#options = options
    this.#revision = options.afterRevision
    this.#progress = options.afterRevision
    this.#mark = options.mark
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#stopped.abort()
    clearInterval(this.#heldTimer)
  }

  async #run(): Promise<void> {
    const { client } = this.#options
    let failures = 0
    while (!this.#stopped.signal.aborted) {
      let connection: Connection | undefined
      this.#created = false
      try {
        await this.#resyncIfRestored()
        const opened = await client.connect()
        connection = opened.connection
        await this.#watch(connection, opened.token)
      } catch (error) {
        if (this.#stopped.signal.aborted) return
        failures = this.#created ? 1 : failures + 1
        await this.#recover(error, connection)
      }
      // Right away at the next endpoint, when there is one that was not tried.
      if (failures >= client.endpointCount) await this.#pause(failures - client.endpointCount)
    }
  }

  async #recover(error: unknown, connection: Connection | undefined): Promise<void> {
    const { client } = this.#options
    if (isEtcdFailure(error, 'compacted')) {
      await this.#resync().catch((reason: unknown) => this.#setState(reason))
      return
    }
    this.#setState(error)
    if (isEtcdFailure(error, 'token')) client.forgetToken()
    else if (connection !== undefined) client.failed(connection)
  }

  #pause(failures: number): Promise<void> {
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures, 10), LAST_PAUSE_MS)
    const ms = longest * (0.5 + Math.random() / 2)
    return pause(ms, undefined, { signal: this.#stopped.signal, ref: false }).catch(() => undefined)
  }

  async #resyncIfRestored(): Promise<void> {
    const { client } = this.#options
    const found = await findRestored(client, this.#options.layout, this.#progress, this.#mark)
    if (this.#stopped.signal.aborted) return
    if (found.restored === undefined) {
      this.#mark ??= { clusterId: found.clusterId, witness: undefined }
      return
    }
    this.#options.onProblem(new EtcdError('compacted', `etcd: ${found.restored}; everything is read anew`))
    await this.#resync(true)
  }

  async #resync(restored = false): Promise<void> {
    const { snapshot, mark } = await this.#options.readSnapshot()
    if (this.#stopped.signal.aborted) return
    this.#revision = snapshot.revision
    this.#progress = snapshot.revision
    this.#mark = mark
    this.#release()
    this.#tell(() => this.#options.listener.onResync(snapshot, restored))
  }

  async #watch(connection: Connection, token: string | undefined): Promise<never> {
    const { layout, heartbeatMs = HEARTBEAT_MS } = this.#options
    // From what was told already, not from behind it: etcd before 3.4.34 and 3.5.16 leaves out deletions of exactly the revision that it was
    // compacted at, to a watch that begins there (etcd #18089). Beginning one earlier, it says that it is compacted. 0 would mean: from now on.
    const request = { ...layout.documents, startRevision: Math.max(this.#progress, 1) }
    const handlers = {
      created: (header: ResponseHeader): void => {
        if (this.#mark !== undefined && header.clusterId !== this.#mark.clusterId)
          throw new Error('the cluster behind the endpoint has changed')
        this.#created = true
        this.#setState(undefined)
      },
      events: (events: readonly WatchEvent[]): void => this.#receive(events),
      progress: ({ revision }: ResponseHeader): void => {
        if (revision > this.#progress) this.#progress = revision
      },
    }
    return runWatch(connection, token, request, handlers, this.#stopped.signal, heartbeatMs)
  }

  /** One response holds whole revisions, in order. */
  #receive(events: readonly WatchEvent[]): void {
    let start = 0
    for (let at = 1; at <= events.length; at++) {
      const revision = (events[start] as WatchEvent).kv.modRevision
      if (at < events.length && events[at]?.kv.modRevision === revision) continue
      if (revision > this.#revision) this.#receiveRevision(revision, events.slice(start, at))
      start = at
    }
  }

  #receiveRevision(revision: number, events: readonly WatchEvent[]): void {
    const { layout } = this.#options
    this.#revision = revision
    if (revision > this.#progress) this.#progress = revision
    const changed: { readonly key: DocumentKey; readonly document: StoredDocument | undefined }[] = []
    let finished = false
    for (const { kv, deleted } of events) {
      if (!deleted && this.#mark !== undefined)
        this.#mark = { clusterId: this.#mark.clusterId, witness: { key: kv.key, modRevision: kv.modRevision } }
      if (kv.key === layout.marker) {
        finished = deleted
        if (!deleted) this.#hold()
        continue
      }
      const key = layout.documentOf(kv.key)
      if (key === undefined) continue
      changed.push({ key, document: deleted ? undefined : documentIn(layout, kv) })
    }
    const held = this.#held
    if (held === undefined) {
      if (changed.length === 0) return
      const change = { revision, events: changed }
      this.#options.saw(change)
      return this.#deliver(change)
    }
    for (const { key, document } of changed) held.set(key, document)
    if (!finished) return
    this.#release()
    if (held.size > 0) this.#deliver({ revision, events: [...held].map(([key, document]) => ({ key, document })) })
  }

  #deliver(change: BackendChange): void {
    this.#tell(() => this.#options.listener.onChange(change))
  }

  #hold(): void {
    this.#held ??= new Map()
    this.#heldTimer ??= setInterval(() => this.#options.onLargeCommit(), LARGE_COMMIT_CHECK_MS)
    this.#heldTimer.unref()
  }

  #release(): void {
    this.#held = undefined
    clearInterval(this.#heldTimer)
    this.#heldTimer = undefined
  }

  /** @param reason of the break; undefined: connected */
  #setState(reason: unknown): void {
    const connected = reason === undefined
    if (this.#stopped.signal.aborted || this.#connected === connected) return
    this.#connected = connected
    const words = reason instanceof Error ? reason.message : undefined
    this.#tell(() => this.#options.listener.onState(connected, words))
  }

  /** A listener that throws must not be taken for a broken connection. */
  #tell(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#options.onProblem(error)
    }
  }
}
