import { problemLine } from '../../config/render.ts'
import type { CheckedChange, ChangeOptions, ResourceWrite } from '../../config/incremental/check-change.ts'
import { within } from '../../control/within.ts'
import type { PluginLogger } from '../../plugins/context.ts'
import type { ResourceKind } from '../../resources/kind-names.ts'
import type { SecretCache } from '../../secrets/secret-cache.ts'
import { NOT_READ, type WantedSecret } from '../../config/references/secret-reference.ts'
import type { DocumentKey, StoreBackend, StoredDocument } from '../backend/backend.ts'
import type { Change, Snapshot, Store } from '../store.ts'
import type { CredentialIndex } from './credential-index.ts'
import type { DocumentCodec } from './document-codec.ts'
import { DocumentFeed, type FeedChange } from './document-feed.ts'
import type { Applied } from './change-work.ts'
import { type DocumentEvent, DocumentsInForce, type InForceOptions } from './documents-in-force.ts'
import type { LastGood, LastGoodFile } from './last-good-file.ts'
import { problemOf } from './problem-of.ts'
import type { RefusedDocument } from './refused-documents.ts'

export interface DocumentStoreOptions extends InForceOptions {
  readonly backend: StoreBackend
  /** Where what is in force is kept for a start without the store; left out: nowhere. */
  readonly lastGood?: LastGoodFile | undefined
  readonly secrets?: SecretCache | undefined
  readonly logger: PluginLogger
  /** Whether the store can be reached. */
  readonly onState?: (connected: boolean) => void
  /** All of this revision is in force, but for so many documents. */
  readonly onRevision?: (revision: number, refused: number) => void
}

/** A start waits this long for secrets; what needs them comes into force later then. */
const FIRST_SECRETS_MS = 5_000

/** Refused documents that are named in one line of the log. */
const MAX_NAMED = 20

/** Resources from the documents of a backend: an embedded store, or etcd. */
export class DocumentStore implements Store {
  readonly codec: DocumentCodec
  private readonly feed: DocumentFeed
  private readonly options: DocumentStoreOptions
  private readonly inForce: DocumentsInForce
  private readonly listeners = new Set<(change: Change) => void>()
  private readonly documentListeners = new Set<(change: FeedChange) => void>()
  private readonly waiting = new Map<() => void, number>()
  /** Changes come into force one after the other; a check sees all of one or nothing. */
  private queue: Promise<unknown> = Promise.resolve()
  private loaded: Promise<void> | undefined
  private unheard: Change[] = []
  private sequence = 0
  private applied = 0
  private connected = true
  private closed = false
  private closing: Promise<void> | undefined

  constructor(options: DocumentStoreOptions) {
    this.options = options
    this.codec = options.codec
    this.inForce = new DocumentsInForce(options)
    this.feed = new DocumentFeed(options.backend, {
      onChange: (change) => this.take(change),
      onState: (connected, reason) => this.state(connected, reason),
    })
  }

  /** The revision of the backend that is in force. */
  get revision(): number {
    return this.applied
  }

  /** All documents, valid or not, as of the last change that was seen. */
  get documents(): ReadonlyMap<DocumentKey, StoredDocument> {
    return this.feed.documents
  }

  /** Credentials that are documents of their own. */
  get credentials(): CredentialIndex {
    return this.feed.credentials
  }

  keysOf(kind: ResourceKind): readonly DocumentKey[] {
    return this.feed.keysOf(kind)
  }

  /** Documents that are left out because they are not valid. */
  get refused(): number {
    return this.inForce.refused
  }

  /** Files that documents name: their content is a part of these. */
  files(): string[] {
    return this.inForce.files()
  }

  /** Secrets that documents name. */
  secrets(): Iterable<WantedSecret> {
    return this.inForce.secrets()
  }

  /** Why a document is not in force; undefined when it is. */
  findingsOf(key: DocumentKey): ReturnType<DocumentsInForce['findingsOf']> {
    return this.inForce.findingsOf(key)
  }

  /** Rejects when the store cannot be reached and there is nothing from an earlier time to go on with. */
  async load(): Promise<Snapshot> {
    await (this.loaded ??= this.begin())
    return this.enqueue(async () => {
      this.unheard = []
      return { revision: this.sequence, resources: this.inForce.resources() }
    })
  }

  watch(listener: (change: Change) => void): () => void {
    this.listeners.add(listener)
    // What came since the snapshot was loaded.
    for (const change of this.unheard.splice(0)) listener(change)
    return () => this.listeners.delete(listener)
  }

  /** Told of each change of documents once it is in force, valid or not. */
  onDocuments(listener: (change: FeedChange) => void): () => void {
    this.documentListeners.add(listener)
    return () => this.documentListeners.delete(listener)
  }

  /** Checks a change as it would be if it came now. */
  async check(writes: readonly ResourceWrite[], dangling: ChangeOptions['dangling']): Promise<CheckedChange> {
    const checked = await this.enqueue(() => this.inForce.check(writes, dangling))
    const { secrets } = this.options
    if (secrets === undefined || checked.unread.length === 0) return checked
    // Changes of the store do not wait for that.
    await secrets.read(checked.unread)
    return this.enqueue(() => this.inForce.check(writes, dangling))
  }

  /** Resolves when all up to this revision is in force here. */
  reached(revision: number): Promise<void> {
    if (this.applied >= revision || this.closed) return Promise.resolve()
    return new Promise((resolve) => this.waiting.set(resolve, revision))
  }

  /**
   * Reads again what documents refer to (files, secrets), and looks again at those that were refused. With `all`, at every document: plugins
   * changed.
   */
  recheck(all = false): Promise<void> {
    return this.enqueue(async () => {
      this.publish(await this.inForce.apply(this.inForce.eventsToRepeat(all)))
    })
  }

  close(): Promise<void> {
    return (this.closing ??= this.end())
  }

  private async end(): Promise<void> {
    this.closed = true
    this.feed.close()
    this.options.secrets?.close()
    this.listeners.clear()
    this.documentListeners.clear()
    for (const resolve of this.waiting.keys()) resolve()
    this.waiting.clear()
    await this.queue.catch(() => undefined)
    await this.options.lastGood?.close()
    await this.options.backend.close()
  }

  private async begin(): Promise<void> {
    const { lastGood } = this.options
    const known = await this.readLastGood()
    try {
      await this.feed.connect()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (known === undefined) throw new Error(this.nothingToStartWith(reason), { cause: error })
      this.state(
        false,
        `${reason}; the node starts with the last good configuration ${lastGood!.path}, of revision ${known.revision}`,
      )
      this.feed.startWith(known)
    }
    // What came meanwhile waits behind this.
    const documents = [...this.feed.documents].map(([key, document]) => ({ key, document }))
    const { revision } = this.feed
    await this.enqueue(async () => {
      const first = await this.inForce.apply(documents)
      const { refused } = await this.withSecrets(first)
      const left = await this.restoreRefused(refused, known)
      this.reportRefused(left)
      this.reach(revision)
      this.sequence++
      lastGood?.start(() => ({ revision: this.applied, documents: this.inForce.documents }))
    })
  }

  /** What was left out for want of secrets, once more when they were read. */
  private async withSecrets(first: Applied): Promise<Pick<Applied, 'refused'>> {
    const { unread } = this.inForce
    const { secrets } = this.options
    if (secrets === undefined || unread.length === 0) return first
    await within(FIRST_SECRETS_MS, secrets.read(unread))
    const again = await this.inForce.apply(this.inForce.eventsToRepeat(false))
    const seen = new Set(again.refused.map(({ document }) => document.key))
    const still = first.refused.filter(({ document: { key } }) => !seen.has(key) && this.findingsOf(key) !== undefined)
    return { refused: [...still, ...again.refused] }
  }

  /** Reads what changed documents want, and puts into force what waited for it. Changes that come meanwhile are not held up. */
  private readSecrets(): void {
    const { unread } = this.inForce
    const { secrets, logger } = this.options
    if (secrets === undefined || this.closed) return
    secrets
      .read(unread)
      .then(() => this.recheck())
      .catch((err: unknown) => logger.error({ err }, 'documents that wait for secrets could not be checked'))
  }

  private async readLastGood(): Promise<LastGood | undefined> {
    try {
      return await this.options.lastGood?.read()
    } catch (err) {
      this.options.logger.error({ err }, (err as Error).message)
      return undefined
    }
  }

  private nothingToStartWith(reason: string): string {
    const { lastGood } = this.options
    const without =
      lastGood === undefined ? '' : `, and there is no last good configuration at ${lastGood.path} to start with`
    return `the store cannot be reached: ${reason.replace(/\.$/, '')}${without}`
  }

  /** Of what is not valid now, the value that was valid when this node ran last. */
  private async restoreRefused(
    refused: readonly RefusedDocument[],
    known: LastGood | undefined,
  ): Promise<readonly RefusedDocument[]> {
    const older: DocumentEvent[] = []
    for (const { document } of refused) {
      const good = known?.documents.get(document.key)
      if (good !== undefined && good.value !== document.value) older.push({ key: document.key, document: good })
    }
    if (older.length === 0) return refused
    await this.inForce.apply(older)
    await this.inForce.apply(refused.map(({ document }) => ({ key: document.key, document })))
    return refused
  }

  private take(change: FeedChange): void {
    this.enqueue(async () => {
      try {
        const applied = await this.inForce.apply(change.events)
        this.applied = change.revision
        this.options.lastGood?.append(change.revision, applied.inForce)
        this.publish(applied)
      } finally {
        // Also when a listener failed: somebody waits for the answer to this write.
        this.reach(change.revision)
        for (const listener of this.documentListeners) listener(change)
      }
    }).catch((err: unknown) => this.options.logger.error({ err }, 'a change of the store could not be applied'))
  }

  private publish({ operations, refused }: Applied): void {
    const left = refused.filter((one) => !waitsForSecrets(one))
    this.reportRefused(left)
    if (left.length < refused.length) this.readSecrets()
    if (operations.length === 0) return
    const change: Change = { revision: this.sequence + 1, from: this.sequence, operations }
    this.sequence = change.revision
    if (this.listeners.size === 0) this.unheard.push(change)
    for (const listener of this.listeners) listener(change)
  }

  private reach(revision: number): void {
    this.applied = revision
    this.options.onRevision?.(revision, this.inForce.refused)
    for (const [resolve, wanted] of this.waiting) {
      if (wanted > revision) continue
      this.waiting.delete(resolve)
      resolve()
    }
  }

  private reportRefused(refused: readonly RefusedDocument[]): void {
    if (refused.length === 0) return
    const lines = refused
      .slice(0, MAX_NAMED)
      .flatMap(({ findings }) => findings.slice(0, 3).map((finding) => problemLine(problemOf(finding))))
    const more = refused.length > MAX_NAMED ? [`and ${refused.length - MAX_NAMED} more`] : []
    this.options.logger.error(
      { refused: refused.length },
      `documents in the store are not valid and are left out, what was valid before stays in force:\n${[...lines, ...more].join('\n')}`,
    )
  }

  private state(connected: boolean, reason: string | undefined): void {
    this.options.onState?.(connected)
    if (connected === this.connected) return
    this.connected = connected
    if (connected) this.options.logger.info({}, 'the store is connected again')
    else
      this.options.logger.warn({}, `the store cannot be reached, what is in force stays: ${reason ?? 'unknown reason'}`)
  }

  private enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.queue.then(task)
    this.queue = result.catch(() => undefined)
    return result
  }
}

/** It wants nothing but secrets that were not asked for yet: whether it is left out, is told when they were. */
const waitsForSecrets = ({ findings }: RefusedDocument): boolean =>
  findings.every(({ message }) => message === NOT_READ.message)
