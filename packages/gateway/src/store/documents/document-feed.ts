import type { ResourceKind } from '../../resources/kind-names.ts'
import type { BackendChange, BackendSnapshot, DocumentKey, StoreBackend, StoredDocument } from '../backend/backend.ts'
import { CredentialIndex, credentialKey } from './credential-index.ts'
import type { LastGood } from './last-good-file.ts'

/** Until a store that could not be reached at the start is asked again. */
const RETRY_MS = 1_000

/** What changed, and what was there before. Of one commit, or of all that was missed. */
export interface FeedChange {
  readonly revision: number
  readonly events: readonly {
    readonly key: DocumentKey
    readonly before: StoredDocument | undefined
    readonly document: StoredDocument | undefined
  }[]
}

export interface FeedListener {
  onChange(change: FeedChange): void
  /** Whether the store can be reached. */
  onState(connected: boolean, reason: string | undefined): void
}

/** The documents of a backend as of its last change, all of them in memory. */
export class DocumentFeed {
  private readonly backend: StoreBackend
  private readonly listener: FeedListener
  private all = new Map<DocumentKey, StoredDocument>()
  private separate = new CredentialIndex()
  private at = 0
  private endWatch: (() => void) | undefined
  private retry: NodeJS.Timeout | undefined
  private closed = false

  constructor(backend: StoreBackend, listener: FeedListener) {
    this.backend = backend
    this.listener = listener
  }

  /** Of the last change that was seen. */
  get revision(): number {
    return this.at
  }

  get documents(): ReadonlyMap<DocumentKey, StoredDocument> {
    return this.all
  }

  /** Credentials that are documents of their own. */
  get credentials(): CredentialIndex {
    return this.separate
  }

  /** Not those of credentials. */
  keysOf(kind: ResourceKind): readonly DocumentKey[] {
    return [...this.all.keys()].filter((key) => key.startsWith(`${kind}/`) && credentialKey(key) === undefined)
  }

  /** Rejects when the store cannot be reached. Changes that come later are told to the listener. */
  async connect(): Promise<void> {
    const snapshot = await this.backend.snapshot()
    if (this.closed) return
    this.begin(snapshot)
    this.follow()
  }

  /** Begins with what was there once, and goes on trying to reach the store. */
  startWith(lastGood: LastGood): void {
    this.begin(lastGood)
    this.retryLater()
  }

  close(): void {
    this.closed = true
    clearTimeout(this.retry)
    this.endWatch?.()
  }

  private begin({ revision, documents }: Pick<LastGood, 'revision' | 'documents'>): void {
    this.all = new Map(documents)
    this.separate = CredentialIndex.of(documents.values())
    this.at = revision
  }

  private follow(): void {
    this.listener.onState(true, undefined)
    this.endWatch = this.backend.watch(this.at, {
      onChange: (change) => this.take(change),
      onResync: (snapshot) => this.resync(snapshot),
      onState: (connected, reason) => this.listener.onState(connected, reason),
    })
  }

  private retryLater(): void {
    if (this.closed) return
    this.retry = setTimeout(() => {
      this.backend.snapshot().then(
        (snapshot) => {
          if (this.closed) return
          this.resync(snapshot)
          this.follow()
        },
        (error: unknown) => {
          this.listener.onState(false, error instanceof Error ? error.message : String(error))
          this.retryLater()
        },
      )
    }, RETRY_MS)
  }

  private take({ revision, events }: BackendChange): void {
    this.at = revision
    this.tell(revision, events)
  }

  /** What differs is one change: nobody sees a part of it. */
  private resync({ revision, documents }: BackendSnapshot): void {
    this.at = revision
    const events: { key: DocumentKey; document: StoredDocument | undefined }[] = []
    for (const [key, document] of documents) {
      const before = this.all.get(key)
      if (before?.value !== document.value || before.revision !== document.revision) events.push({ key, document })
    }
    for (const key of this.all.keys()) if (!documents.has(key)) events.push({ key, document: undefined })
    this.tell(revision, events)
  }

  private tell(
    revision: number,
    events: readonly { readonly key: DocumentKey; readonly document: StoredDocument | undefined }[],
  ): void {
    const changed = events.map(({ key, document }) => {
      const before = this.all.get(key)
      if (document === undefined) this.all.delete(key)
      else this.all.set(key, document)
      this.separate.set(key, document)
      return { key, before, document }
    })
    this.listener.onChange({ revision, events: changed })
  }
}
