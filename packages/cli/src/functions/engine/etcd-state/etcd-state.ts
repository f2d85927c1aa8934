import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { checkCommit } from '@sekisho/functions/internal/state/check-commit'
import { StateError, StateUnavailable } from '@sekisho/functions/internal/state/state-error'
import type { StateCondition, StateRecord, StateStore, StateWrite } from '@sekisho/functions/internal/state/state-store'
import { Watchers } from '@sekisho/functions/internal/state/watchers'
import type { BackendChange, BackendSnapshot } from '@sekisho/gateway/internal/store/backend/backend'
import type { EtcdClient } from '@sekisho/gateway/internal/store/etcd/client/etcd-client'
import { EtcdError, isEtcdFailure } from '@sekisho/gateway/internal/store/etcd/client/etcd-error'
import { openEtcdClient } from '@sekisho/gateway/internal/store/etcd/client/open-client'
import type { EtcdClientOptions } from '@sekisho/gateway/internal/store/etcd/client/options'
import { type MarkedSnapshot, readDocuments } from '@sekisho/gateway/internal/store/etcd/documents'
import type { Compare, KeyValue, Operation } from '@sekisho/gateway/internal/store/etcd/messages/messages'
import { readSpan } from '@sekisho/gateway/internal/store/etcd/read-span'
import { Watcher } from '@sekisho/gateway/internal/store/etcd/watcher'
import { CommitPlaces } from './commit-places.ts'
import { isCopied, StateCopy } from './state-copy.ts'
import { StateLayout } from './state-layout.ts'
import { RevisionGate } from './revision-gate.ts'

export interface EtcdStateOptions extends EtcdClientOptions {
  /** What all keys begin with: `/sekisho-functions`. */
  readonly prefix: string
  /** This node among those that share the prefix: the same after a restart. */
  readonly node: string
  /** File with what was last seen, for a start without etcd. */
  readonly copy: string
  /** For the log: what goes on anyway and somebody should know. */
  readonly onProblem: (message: string, error?: unknown) => void
  readonly heartbeatMs?: number | undefined
}

/** Of one request, with all attempts at all endpoints. */
const REQUEST_TIMEOUT_MS = 3_000
/** Of a commit, waiting for its turn included: after that, one more request may run to its end. */
const COMMIT_TIMEOUT_MS = 5_000
/** etcd's `--max-request-bytes` is 1.5 MiB; the rest is for what is around keys and values. */
export const MAX_COMMIT_BYTES = 1.5 * 1024 * 1024 - 32 * 1024
const BYTES_AROUND = 64
/** etcd takes 128 comparisons unless it is told otherwise; one is for the mark. */
const MAX_CONDITIONS = 127
/** Between attempts to reach an etcd that was away at the start. */
const RECONNECT_MS = 1_000
/** Others compact etcd while pages of it are read. */
const SNAPSHOT_ATTEMPTS = 5

/**
 * The state of a function platform in etcd 3.4 or later, shared by all nodes. Reads and writes go to etcd; watchers are told by one watch, in
 * order. Where etcd is away at the start, a copy on this node's disk answers until it is back.
 */
export class EtcdState implements StateStore {
  readonly #client: EtcdClient
  readonly #options: EtcdStateOptions
  readonly #layout: StateLayout
  readonly #places: CommitPlaces
  readonly #copy: StateCopy
  readonly #watchers = new Watchers()
  /** The records that watchers were told of. */
  readonly #known = new Map<string, Known>()
  readonly #told = new RevisionGate()
  readonly #commits = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()
  #watcher: Watcher | undefined

  private constructor(client: EtcdClient, layout: StateLayout, copy: StateCopy, options: EtcdStateOptions) {
    this.#client = client
    this.#layout = layout
    this.#copy = copy
    this.#options = options
    this.#places = new CommitPlaces(client, layout, options.node)
  }

  /** Rejects with StateError: why it cannot be used, or that it is away and was never seen by this node. */
  static async open(options: EtcdStateOptions): Promise<EtcdState> {
    const { prefix, copy: file, onProblem } = options
    const layout = new StateLayout(prefix)
    const client = await openEtcdClient({ requestTimeoutMs: REQUEST_TIMEOUT_MS, ...options })
    const copy = await StateCopy.open(file, prefix, (error) =>
      onProblem(`the copy ${file} cannot be written: a start without etcd would not find the functions`, error),
    )
    const state = new EtcdState(client, layout, copy, options)
    try {
      await state.#begin()
      return state
    } catch (error) {
      await state.close()
      throw explained(error)
    }
  }

  /** As new as anything that anybody was told. */
  async list(prefix: string): Promise<readonly StateRecord[]> {
    this.#mustBeOpen()
    if (this.#watcher === undefined) return this.#listCopy(prefix)
    const { kvs } = await this.#ask(readSpan(this.#client, this.#layout.recordsFrom(prefix)))
    const records = kvs.map((kv) => this.#recordOf(kv))
    const heard = await this.#told.reach(kvs.reduce((newest, { modRevision }) => Math.max(newest, modRevision), 0))
    // What watchers heard is gone was deleted while this was read: who takes in the list would have it back.
    return heard ? records.filter(({ key }) => this.#known.has(key)) : records
  }

  async get(key: string): Promise<StateRecord | undefined> {
    this.#mustBeOpen()
    if (this.#watcher === undefined) {
      this.#mustBeCopied(key)
      return this.#copy.get(key)
    }
    const { kvs } = await this.#ask(this.#client.range({ key: this.#layout.keyOf(key) }))
    return kvs[0] && this.#recordOf(kvs[0])
  }

  async commit(writes: readonly StateWrite[], conditions: readonly StateCondition[] = []): Promise<boolean> {
    this.#mustBeOpen()
    checkCommit(writes, conditions)
    checkSize(writes)
    if (conditions.length > MAX_CONDITIONS)
      throw new StateError(`a commit with ${conditions.length} conditions: etcd takes ${MAX_CONDITIONS}`)
    const running = this.#ask(this.#commit(writes, conditions))
    this.#commits.add(running)
    try {
      return await running
    } finally {
      this.#commits.delete(running)
    }
  }

  watch(prefix: string, listener: (key: string, record: StateRecord | undefined) => void): () => void {
    return this.#watchers.watch(prefix, listener)
  }

  /** Commits under way are carried out. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    await Promise.allSettled(this.#commits)
    this.#watcher?.stop()
    this.#told.open()
    this.#client.close()
    await this.#copy.close()
  }

  async #begin(): Promise<void> {
    const { prefix, onProblem } = this.#options
    try {
      this.#follow(await this.#snapshot())
    } catch (error) {
      const records = isEtcdFailure(error, 'unreachable') ? await this.#copy.read() : undefined
      if (records === undefined) throw error
      for (const [key, record] of records) this.#known.set(key, knownOf(record))
      onProblem(`etcd is away: functions are as this node last saw them below ${prefix}, and cannot be changed`, error)
      void this.#reconnect()
    }
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await pause(RECONNECT_MS, undefined, { signal, ref: false })
        const snapshot = await this.#snapshot()
        if (signal.aborted) return
        this.#follow(snapshot)
        this.#options.onProblem('etcd is back')
        return
      } catch (error) {
        if (!signal.aborted && !isEtcdFailure(error, 'unreachable'))
          this.#options.onProblem('etcd answers, but cannot be read', error)
      }
    }
  }

  async #snapshot(): Promise<MarkedSnapshot> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await readDocuments(this.#client, this.#layout)
      } catch (error) {
        if (!isEtcdFailure(error, 'compacted') || attempt === SNAPSHOT_ATTEMPTS) throw error
      }
    }
  }

  #follow({ snapshot, mark }: MarkedSnapshot): void {
    const { onProblem, heartbeatMs } = this.#options
    let connected = true
    this.#watcher = new Watcher({
      client: this.#client,
      layout: this.#layout,
      listener: {
        onChange: (change) => this.#onChange(change),
        onResync: (whole, restored) => this.#onResync(whole, restored === true),
        onState: (now, reason) => {
          if (now === connected) return
          connected = now
          onProblem(now ? 'etcd is back' : `etcd is away, functions cannot be changed: ${reason}`)
        },
      },
      readSnapshot: () => this.#snapshot(),
      afterRevision: snapshot.revision,
      mark,
      saw: () => undefined,
      onLargeCommit: () => undefined,
      onProblem: (error) => onProblem('something went wrong with etcd', error),
      heartbeatMs,
    })
    this.#onResync(snapshot, false)
    this.#watcher.start()
  }

  async #commit(writes: readonly StateWrite[], conditions: readonly StateCondition[]): Promise<boolean> {
    const compare = conditions.map(({ key, revision }): Compare => {
      return { key: this.#layout.keyOf(key), is: 'equal', modRevision: revision }
    })
    if (writes.length === 0) return (await this.#client.transaction({ compare, operations: [] })).succeeded
    const operations = writes.map(({ key, value }): Operation => {
      const name = this.#layout.keyOf(key)
      return value === undefined ? { delete: { key: name } } : { put: { key: name, value: Buffer.from(value) } }
    })
    const revision = await this.#places.commit(operations, compare, performance.now() + COMMIT_TIMEOUT_MS)
    if (revision === undefined) return false
    if (!(await this.#told.reach(revision)))
      this.#options.onProblem('a change was written to etcd, which has not told of it yet: this node will hear later')
    return true
  }

  #onChange({ revision, events }: BackendChange): void {
    try {
      for (const { key: name, document } of events) {
        const key = this.#layout.recordOf(name)
        if (key !== undefined) this.#tell(key, document && { key, value: document.value, revision: document.revision })
      }
    } finally {
      this.#told.pass(revision)
    }
  }

  /** @param restored it may be another history, where the same revisions are other changes */
  #onResync({ revision, documents }: BackendSnapshot, restored: boolean): void {
    const gone = new Set(this.#known.keys())
    try {
      for (const { key: name, value, revision: changed } of documents.values()) {
        const key = this.#layout.recordOf(name)
        if (key === undefined) continue
        gone.delete(key)
        this.#compare({ key, value, revision: changed }, restored)
      }
      for (const key of gone) this.#tell(key, undefined)
    } finally {
      if (restored) this.#told.restart(revision)
      else this.#told.pass(revision)
      void this.#copy.complete(this.#options.prefix)
    }
  }

  #compare(record: StateRecord, restored: boolean): void {
    const before = this.#known.get(record.key)
    if (before?.revision === record.revision && (!restored || before.digest === digestOf(record))) return
    // Who hears of a revision that goes back would take it for old news.
    if (before !== undefined && record.revision <= before.revision) this.#tell(record.key, undefined)
    this.#tell(record.key, record)
  }

  #tell(key: string, record: StateRecord | undefined): void {
    if (record === undefined && !this.#known.has(key)) return
    if (record === undefined) this.#known.delete(key)
    else this.#known.set(key, knownOf(record))
    this.#copy.change(key, record)
    this.#watchers.tell([{ key, value: record?.value }], record?.revision ?? 0)
  }

  #recordOf({ key, value, modRevision }: KeyValue): StateRecord {
    return { key: this.#layout.recordOf(key)!, value: Buffer.from(value).toString(), revision: modRevision }
  }

  async #listCopy(prefix: string): Promise<readonly StateRecord[]> {
    this.#mustBeCopied(prefix)
    const records = (await this.#copy.read()) ?? new Map<string, StateRecord>()
    return [...records.values()].filter(({ key }) => key.startsWith(prefix))
  }

  #mustBeCopied(prefix: string): void {
    if (!isCopied(prefix)) throw new StateUnavailable('etcd is away since the start of this node')
  }

  async #ask<T>(question: Promise<T>): Promise<T> {
    try {
      return await question
    } catch (error) {
      throw explained(error)
    }
  }

  #mustBeOpen(): void {
    if (this.#closing.signal.aborted) throw new StateError('the store is closed')
  }
}

interface Known {
  readonly revision: number
  readonly digest: string
}

const knownOf = (record: StateRecord): Known => ({ revision: record.revision, digest: digestOf(record) })

/** Of what is kept for long: events are many and large, and never other ones with the same key. */
const digestOf = ({ key, value }: StateRecord): string =>
  isCopied(key) ? createHash('sha256').update(value).digest('base64') : ''

function checkSize(writes: readonly StateWrite[]): void {
  let bytes = 0
  for (const { key, value = '' } of writes) bytes += Buffer.byteLength(key) + Buffer.byteLength(value) + BYTES_AROUND
  if (bytes > MAX_COMMIT_BYTES)
    throw new StateError(
      `${writes[0]!.key} and what is written with it has ${bytes} bytes: etcd takes 1.5 MiB in one request, so at most ${MAX_COMMIT_BYTES}`,
    )
}

/** Whatever etcd has against it may be over later. */
const explained = (error: unknown): unknown =>
  error instanceof EtcdError ? new StateUnavailable(error.message, { cause: error }) : error
