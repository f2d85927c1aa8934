import type { EtcdClient } from '../client/etcd-client.ts'
import { isEtcdFailure } from '../client/etcd-error.ts'
import type { BackendChange, DocumentKey, StoredDocument } from '../../backend/backend.ts'
import { documentIn, readDocuments } from '../documents.ts'
import type { Layout } from '../layout.ts'
import { foreignEntryName, foreignRevisionOf } from './entry-name.ts'
import { encodeRecord, recordedChange } from './record.ts'

/** Between a change and looking whether it is in the history. Spread, so that mostly one node of many writes the entry. */
export const RECORD_DELAY_MS = 1_000
/** Clocks of nodes may differ so much; beyond it, a commit of a gateway gets a second entry, which nobody sees. */
const CLOCK_DIFFERENCE_MS = 10 * 60 * 1000

/** Above it, all documents are read as they were before, instead of each. */
const MANY_KEYS = 100

interface Seen {
  readonly time: number
  readonly change: BackendChange
}

/**
 * Writes entries for changes that others made: `etcdctl put`, APISIX's control plane, a time to live that is over. What a gateway commits
 * has its entry already. All nodes look; the first one writes.
 */
export class ForeignChangeRecorder {
  readonly #client: EtcdClient
  readonly #layout: Layout
  readonly #limit: number
  readonly #delayMs: number
  readonly #onProblem: (error: unknown) => void
  #seen: Seen[] = []
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: {
    readonly client: EtcdClient
    readonly layout: Layout
    /** Entries that are kept at all. */
    readonly limit: number
    readonly onProblem: (error: unknown) => void
    readonly delayMs?: number | undefined
  }) {
    this.#client = options.client
    this.#layout = options.layout
    this.#limit = options.limit
    this.#onProblem = options.onProblem
    this.#delayMs = options.delayMs ?? RECORD_DELAY_MS
  }

  /** A change that came by watch. */
  saw(change: BackendChange): void {
    if (this.#closed) return
    this.#seen.push({ time: Date.now(), change })
    if (this.#seen.length > this.#limit) this.#seen.shift()
    this.#timer ??= setTimeout(() => void this.#record(), this.#delayMs * (1 + 2 * Math.random()))
    this.#timer.unref()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** History is the lesser good: a failure is told, and nothing waits for it. */
  async #record(): Promise<void> {
    const seen = this.#seen
    this.#seen = []
    this.#timer = undefined
    try {
      const known = await this.#knownRevisions(seen[0]?.time ?? 0)
      for (const one of seen)
        if (!known.has(one.change.revision) && (await this.#holds(one.change))) await this.#write(one)
    } catch (error) {
      if (!this.#closed) this.#onProblem(error)
    }
  }

  async #knownRevisions(since: number): Promise<ReadonlySet<number>> {
    const { key, rangeEnd } = this.#layout.history
    const from = String(Math.max(since - CLOCK_DIFFERENCE_MS, 0)).padStart(15, '0')
    const { kvs } = await this.#client.range({ key: key + from, rangeEnd, keysOnly: true })
    return new Set(kvs.map((kv) => foreignRevisionOf(kv.key.slice(key.length)) ?? kv.modRevision))
  }

  async #write({ time, change }: Seen): Promise<void> {
    const key = this.#layout.history.key + foreignEntryName(change.revision)
    const before = await this.#before(change)
    const changes = change.events.map((event) =>
      recordedChange(event.key, before.get(event.key), event.document?.value),
    )
    const value = await encodeRecord({ time, changes })
    await this.#client.transaction({
      compare: [{ key, is: 'equal', createRevision: 0 }],
      operations: [{ put: { key, value } }],
    })
  }

  /** It does not when the store was restored from a backup since: its entry is missing with it. */
  async #holds({ revision, events }: BackendChange): Promise<boolean> {
    const some = events.slice(0, MANY_KEYS)
    const operations = some.map(({ key }) => ({ range: { key: this.#layout.keyOf(key), revision, keysOnly: true } }))
    try {
      const { ranges } = await this.#client.transaction({ operations })
      return some.every(({ document }, at) => {
        const kv = ranges[at]?.kvs[0]
        return kv === undefined ? document === undefined : kv.modRevision === revision
      })
    } catch (error) {
      if (isEtcdFailure(error, 'future')) return false
      throw error
    }
  }

  /** As it was before the change. When it is compacted away by now, that is not known, and the entry would be wrong. */
  async #before({ revision, events }: BackendChange): Promise<ReadonlyMap<DocumentKey, StoredDocument>> {
    const at = revision - 1
    if (events.length > MANY_KEYS) return (await readDocuments(this.#client, this.#layout, at)).snapshot.documents
    const operations = events.map(({ key }) => ({ range: { key: this.#layout.keyOf(key), revision: at } }))
    const { ranges } = await this.#client.transaction({ operations })
    const documents = ranges.flatMap((range) => range?.kvs.map((kv) => documentIn(this.#layout, kv)) ?? [])
    return new Map(documents.filter((document) => document !== undefined).map((document) => [document.key, document]))
  }
}
