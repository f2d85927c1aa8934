import { setTimeout as pause } from 'node:timers/promises'
import type {
  Author,
  BackendListener,
  BackendSnapshot,
  CommitResult,
  Condition,
  HistoryEntry,
  StoreBackend,
  Write,
} from '../backend/backend.ts'
import { checkCommit } from '../backend/check-commit.ts'
import { StoreError } from '../backend/store-error.ts'
import type { EtcdClient } from './client/etcd-client.ts'
import { openEtcdClient } from './client/open-client.ts'
import { isEtcdFailure } from './client/etcd-error.ts'
import type { EtcdClientOptions } from './client/options.ts'
import { COMMIT_TIMEOUT_MS, type CommitContext, LARGE_COMMIT_TIMEOUT_MS } from './commit/commit-context.ts'
import { commitLarge, recoverLargeCommit } from './commit/large-commit.ts'
import { commitSmall, MAX_SMALL_KEYS } from './commit/small-commit.ts'
import { type MarkedSnapshot, readDocuments, type StoreMark } from './documents.ts'
import { asHistoryEntry, listEntries, readEntries } from './history/entries.ts'
import { ETCD_HISTORY_LIMITS, type EtcdHistoryLimits, pruneHistory } from './history/prune.ts'
import { ForeignChangeRecorder } from './history/recorder.ts'
import { stateAt } from './history/state-at.ts'
import { Layout } from './layout.ts'
import { Watcher } from './watcher.ts'

export interface EtcdOptions extends EtcdClientOptions {
  /** What the keys of documents begin with, like `/sekisho`; `/apisix` reads what APISIX wrote. */
  readonly prefix: string
  readonly history?: Partial<EtcdHistoryLimits>
  /** What goes on anyway and somebody should know, for the log. */
  readonly onProblem?: (error: unknown) => void
  /** How often a silent watch is tested; see HEARTBEAT_MS. */
  readonly heartbeatMs?: number
  /** See RECORD_DELAY_MS. */
  readonly recordDelayMs?: number
}

/** While others compact or copy a large commit. */
const SNAPSHOT_ATTEMPTS = 20
const SNAPSHOT_PAUSE_MS = 500
const COMMITS_BETWEEN_PRUNES = 50
const MAX_QUEUED_COMMITS = 10_000
/** Of one page of the history. */
const MAX_HISTORY_PAGE = 1_000

export async function openEtcd(options: EtcdOptions): Promise<EtcdBackend> {
  return new EtcdBackend(await openEtcdClient(options), options)
}

/** Documents in etcd 3.4 or later, shared by all nodes of a cluster. */
export class EtcdBackend implements StoreBackend {
  readonly #client: EtcdClient
  readonly #options: EtcdOptions
  readonly #layout: Layout
  readonly #limits: EtcdHistoryLimits
  readonly #recorder: ForeignChangeRecorder
  readonly #watchers = new Set<Watcher>()
  /** Of the last snapshot that was given out: a watch goes on from there. */
  #mark: { readonly revision: number; readonly mark: StoreMark } | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #queued = 0
  #commits = 0
  #pruning = false

  constructor(client: EtcdClient, options: EtcdOptions) {
    this.#client = client
    this.#options = options
    this.#layout = new Layout(options.prefix)
    this.#limits = { ...ETCD_HISTORY_LIMITS, ...options.history }
    this.#recorder = new ForeignChangeRecorder({
      client,
      layout: this.#layout,
      limit: this.#limits.entries,
      onProblem: this.#problem,
      delayMs: options.recordDelayMs,
    })
  }

  async snapshot(): Promise<BackendSnapshot> {
    const { snapshot, mark } = await this.#readSnapshot()
    this.#mark = { revision: snapshot.revision, mark }
    return snapshot
  }

  watch(afterRevision: number, listener: BackendListener): () => void {
    const watcher = new Watcher({
      client: this.#client,
      layout: this.#layout,
      listener,
      readSnapshot: () => this.#readSnapshot(),
      afterRevision,
      mark: this.#mark?.revision === afterRevision ? this.#mark.mark : undefined,
      saw: (change) => this.#recorder.saw(change),
      onLargeCommit: () => void recoverLargeCommit(this.#context(COMMIT_TIMEOUT_MS)).catch(this.#problem),
      onProblem: this.#problem,
      heartbeatMs: this.#options.heartbeatMs,
    })
    this.#watchers.add(watcher)
    watcher.start()
    return () => {
      this.#watchers.delete(watcher)
      watcher.stop()
    }
  }

  async commit(writes: readonly Write[], conditions: readonly Condition[], author: Author): Promise<CommitResult> {
    const problem = checkCommit(writes, conditions)
    if (problem !== undefined) throw new StoreError(problem)
    if (this.#queued === MAX_QUEUED_COMMITS)
      throw new StoreError(`${MAX_QUEUED_COMMITS} changes wait for etcd: try again`)
    const small = writes.length + conditions.length <= MAX_SMALL_KEYS
    const context = this.#context(small ? COMMIT_TIMEOUT_MS : LARGE_COMMIT_TIMEOUT_MS)
    this.#queued++
    // One after the other, so that those of one node do not compete; other nodes' are found by comparing.
    const turn = this.#queue.then(() => this.#commit(context, writes, conditions, author))
    this.#queue = turn.then(
      () => this.#queued--,
      () => this.#queued--,
    )
    return turn
  }

  async history({
    before = Infinity,
    limit,
  }: {
    readonly before?: number
    readonly limit: number
  }): Promise<readonly HistoryEntry[]> {
    const entries = await listEntries(this.#client, this.#layout)
    const wanted = entries.filter(({ revision }) => revision < before).slice(0, Math.min(limit, MAX_HISTORY_PAGE))
    const read = await readEntries(this.#client, this.#layout, wanted)
    return read.map(({ revision, record }) => asHistoryEntry(revision, record))
  }

  /** From etcd itself as long as it is not compacted, then from the history. */
  async at(revision: number): Promise<BackendSnapshot | undefined> {
    if (revision < 1) return undefined
    try {
      const { snapshot } = await readDocuments(this.#client, this.#layout, revision)
      return { revision, documents: snapshot.documents }
    } catch (error) {
      if (isEtcdFailure(error, 'future')) return undefined
      if (!isEtcdFailure(error, 'compacted')) throw error
    }
    const now = (await this.#readSnapshot()).snapshot
    const entries = (await listEntries(this.#client, this.#layout)).filter((entry) => entry.revision <= now.revision)
    // Nobody knows what was before the oldest entry.
    if (!entries.some((entry) => entry.revision <= revision)) return undefined
    const newer = entries.filter((entry) => entry.revision > revision)
    const read = await readEntries(this.#client, this.#layout, newer)
    return read.length === newer.length ? stateAt(revision, now, read) : undefined
  }

  close(): Promise<void> {
    for (const watcher of this.#watchers) watcher.stop()
    this.#watchers.clear()
    this.#recorder.close()
    this.#client.close()
    return Promise.resolve()
  }

  readonly #problem = (error: unknown): void => this.#options.onProblem?.(error)

  #context(timeoutMs: number): CommitContext {
    const deadline = performance.now() + timeoutMs
    return { client: this.#client, layout: this.#layout, deadline, onProblem: this.#problem }
  }

  async #commit(
    context: CommitContext,
    writes: readonly Write[],
    conditions: readonly Condition[],
    author: Author,
  ): Promise<CommitResult> {
    if (performance.now() > context.deadline) throw new StoreError('etcd did not answer in time: nothing was written')
    const leases = await this.#grantLeases(writes)
    const small = writes.length + conditions.length <= MAX_SMALL_KEYS
    const result =
      (small ? await commitSmall(context, writes, conditions, author, leases) : undefined) ??
      (await commitLarge(context, writes, conditions, author, leases))
    if (result.revision !== undefined) this.#pruneSometimes()
    else for (const lease of leases.values()) void this.#client.revokeLease(lease).catch(() => undefined)
    return result
  }

  /** One for each time to live: documents with the same one end together. */
  async #grantLeases(writes: readonly Write[]): Promise<ReadonlyMap<number, bigint>> {
    const leases = new Map<number, bigint>()
    for (const { value, ttlSeconds } of writes)
      if (value !== undefined && ttlSeconds !== undefined && !leases.has(ttlSeconds))
        leases.set(ttlSeconds, await this.#client.grantLease(ttlSeconds))
    return leases
  }

  async #readSnapshot(): Promise<MarkedSnapshot> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await readDocuments(this.#client, this.#layout)
      } catch (error) {
        // Compacted while pages were read, or while a large commit is copied into place: that ends.
        if (!isEtcdFailure(error, 'compacted') || attempt === SNAPSHOT_ATTEMPTS) throw error
        await recoverLargeCommit(this.#context(COMMIT_TIMEOUT_MS))
        await pause(SNAPSHOT_PAUSE_MS)
      }
    }
  }

  #pruneSometimes(): void {
    if (this.#commits++ % COMMITS_BETWEEN_PRUNES !== 0 || this.#pruning) return
    this.#pruning = true
    pruneHistory(this.#client, this.#layout, this.#limits)
      .catch(this.#problem)
      .finally(() => (this.#pruning = false))
  }
}
