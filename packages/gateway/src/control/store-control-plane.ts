import { isDeepStrictEqual } from 'node:util'
import { type ConfigProblem, type Finding, MAX_PROBLEMS, pointerPart } from '../config/problem.ts'
import { idField } from '../resources/identity.ts'
import { RESOURCE_KINDS, type ResourceKind } from '../resources/kind-names.ts'
import type {
  CommitResult,
  Condition,
  DocumentKey,
  HistoryEntry,
  StoreBackend,
  StoredDocument,
  Write,
} from '../store/backend/backend.ts'
import {
  credentialDocumentKey,
  CredentialIndex,
  credentialKey,
  withCredentials,
} from '../store/documents/credential-index.ts'
import { documentKey, keyParts } from '../store/documents/document-key.ts'
import type { DocumentStore } from '../store/documents/document-store.ts'
import { problemOf } from '../store/documents/problem-of.ts'
import { structureProblem } from '../store/documents/read-document.ts'
import type {
  ControlPlane,
  Document,
  DocumentChange,
  Item,
  ResourceDifference,
  WriteOptions,
  WriteResult,
} from './control-plane.ts'
import { differencesOf, ownerOf, type Prepared, sameContent } from './prepared.ts'
import { splitConsumer } from './separate-credentials.ts'
import { masksLeft, restoreMasked } from './restore-masked.ts'
import { within } from './within.ts'

/** How often a write is tried again that somebody else's came before. */
const MAX_TRIES = 5

/** A commit is in force here some milliseconds after it is durable; a watch that was cut off takes longer. */
const MAX_WAIT_MS = 5_000

/** The control plane over a store of documents. What it writes has been checked against what is in force. */
export class StoreControlPlane implements ControlPlane {
  private readonly store: DocumentStore
  private readonly backend: StoreBackend
  private readonly now: () => number
  /** Decoded documents, for as long as they are the present ones. */
  private readonly values = new WeakMap<StoredDocument, Document>()
  /** Writes of this node go one after the other: each is checked against what the one before left. */
  private queue: Promise<unknown> = Promise.resolve()

  /** @param now milliseconds since 1970 */
  constructor(store: DocumentStore, backend: StoreBackend, now: () => number = Date.now) {
    this.store = store
    this.backend = backend
    this.now = now
  }

  get revision(): number {
    return this.store.revision
  }

  get(kind: ResourceKind, id: string): Item | undefined {
    const document = this.store.documents.get(documentKey(kind, id))
    return document && this.item(kind, id, document)
  }

  list(kind: ResourceKind): readonly Item[] {
    return this.store.keysOf(kind).map((key) => this.item(kind, keyParts(key)!.id, this.store.documents.get(key)!))
  }

  write(changes: readonly DocumentChange[], options: WriteOptions): Promise<WriteResult> {
    return this.enqueue(() => this.attempt(() => changes, options))
  }

  replaceAll(documents: readonly DocumentChange[], options: WriteOptions): Promise<WriteResult> {
    return this.enqueue(() => this.attempt(() => this.differing(documents), options))
  }

  async history(options: { readonly before?: number; readonly limit: number }): Promise<readonly HistoryEntry[]> {
    const entries = await this.backend.history(options)
    const readable = (key: DocumentKey, text: string | undefined): string | undefined => {
      const parts = keyParts(key)
      return text === undefined || parts === undefined ? text : this.store.codec.readable(parts.kind, parts.id, text)
    }
    return entries.map((entry) => ({
      ...entry,
      changes: entry.changes.map(({ key, before, after }) => ({
        key,
        before: readable(key, before),
        after: readable(key, after),
      })),
    }))
  }

  async diff(from: number, to: number): Promise<readonly ResourceDifference[] | undefined> {
    const [before, after] = await Promise.all([this.backend.at(from), this.backend.at(to)])
    if (before === undefined || after === undefined) return undefined
    const [old, young] = [before, after].map(({ documents }) => CredentialIndex.of(documents.values())) as [
      CredentialIndex,
      CredentialIndex,
    ]
    const found: ResourceDifference[] = []
    const keys = new Set<DocumentKey>([...before.documents.keys(), ...after.documents.keys()])
    for (const key of keys) {
      if (credentialKey(key) !== undefined) continue
      const difference = this.difference(key, before.documents.get(key), after.documents.get(key), old, young)
      if (difference !== undefined) found.push(difference)
    }
    return found
  }

  async rollback(
    revision: number,
    only: { kind: ResourceKind; id: string } | undefined,
    options: WriteOptions,
  ): Promise<WriteResult> {
    const snapshot = await this.backend.at(revision)
    if (snapshot === undefined) {
      const message = `revision ${revision} is not known: it is yet to come, or its history is gone`
      return { problems: [problemOf({ path: '', message })] }
    }
    const credentials = CredentialIndex.of(snapshot.documents.values())
    if (only !== undefined) {
      // A credential goes back with its consumer.
      const { kind, id } = ownerOf(only)
      const document = snapshot.documents.get(documentKey(kind, id))
      return this.write([{ kind, id, value: document && this.old(kind, id, document, credentials) }], options)
    }
    const changes: DocumentChange[] = []
    for (const [key, document] of snapshot.documents) {
      const parts = keyParts(key)
      if (parts !== undefined && credentialKey(key) === undefined)
        changes.push({ ...parts, value: this.old(parts.kind, parts.id, document, credentials) })
    }
    return this.replaceAll(changes, options)
  }

  onChange(
    listener: (change: { readonly revision: number; readonly differences: readonly ResourceDifference[] }) => void,
  ): () => void {
    return this.store.onDocuments(({ revision, events }) => {
      const differences = events.flatMap(({ key, before, document }) => this.difference(key, before, document) ?? [])
      if (differences.length > 0) listener({ revision, differences })
    })
  }

  /** What was changed by somebody else in between is looked at again, unless the change names a revision. */
  private async attempt(changes: () => readonly DocumentChange[], options: WriteOptions): Promise<WriteResult> {
    for (let tries = 1; ; tries++) {
      const { prepared, problems } = this.prepare(changes())
      if (problems.length > 0) return { problems: shown(problems) }
      const checked = prepared.flatMap(({ kind, id, whole, isPart }) => (isPart ? [] : [{ kind, id, value: whole }]))
      const { findings } = await this.store.check(checked, options.force === true ? 'removals' : 'refused')
      if (findings.length > 0) return { problems: shown(findings) }
      if (options.dryRun === true) return this.wouldBe(prepared)
      const result = await this.commit(prepared, options)
      if (result === undefined) return { revision: this.revision, items: [], changes: [] }
      if (result.conflict === undefined) return this.done(prepared, result.revision)
      const lost = prepared.find(({ key }) => key === result.conflict)
      const asked = lost?.ifRevision
      // Also for who reads again here and repeats: it is to see what it lost against.
      if (asked === undefined || asked === (lost?.before?.revision ?? 0)) await this.caughtUp(result.conflict, prepared)
      if (asked !== undefined || tries === MAX_TRIES) return { conflict: result.conflict }
    }
  }

  private prepare(changes: readonly DocumentChange[]): { prepared: Prepared[]; problems: Finding[] } {
    const prepared = new Map<DocumentKey, Prepared>()
    const problems: Finding[] = []
    for (const { kind, id, value, ttlSeconds, ifRevision } of changes) {
      const key = documentKey(kind, id)
      const path = `/${kind}/${pointerPart(id)}`
      const before = this.store.documents.get(key)
      const problem = value && structureProblem(value)
      if (problem !== undefined) problems.push({ path, message: problem })
      if (prepared.has(key))
        problems.push({ path, message: 'is there twice in one change', remedy: 'keep one of the two' })
      // What nests too deep is not gone through.
      const wanted = problem === undefined ? value : undefined
      const complete = wanted && this.store.codec.plain(kind, id, this.completed(kind, id, wanted, before))
      for (const place of masksLeft(complete, this.store.codec.secretsOf(kind)))
        problems.push({
          path: `${path}${place}`,
          message: 'is "***", which is shown in place of a secret, and there is none that it could stand for',
          remedy: 'write the secret, or a reference to it as "$env://NAME"',
        })
      const write = { kind, id, key, before, ttlSeconds, ifRevision, whole: complete, isPart: false }
      if (kind === 'consumers') this.prepareConsumer(write, prepared)
      else prepared.set(key, { ...write, value: complete, stays: false })
    }
    return { prepared: [...prepared.values()], problems }
  }

  /** With its credentials that are documents of their own. */
  private prepareConsumer(write: Omit<Prepared, 'value' | 'stays'>, prepared: Map<DocumentKey, Prepared>): void {
    const { id: username, key, before, whole } = write
    const { credentials } = this.store
    const separate = credentials.get(username)
    const known = before && this.valueOf('consumers', username, before)
    const split =
      whole === undefined
        ? { consumer: undefined, credentials: new Map([...separate.keys()].map((id) => [id, undefined])) }
        : splitConsumer(
            whole,
            this.credentialsOf(separate),
            new Set(Object.keys((known?.['credentials'] ?? {}) as object)),
            credentials.size > 0,
          )
    const { consumer } = split
    const stays =
      split.credentials.size > 0 &&
      consumer !== undefined &&
      known !== undefined &&
      sameContent('consumers', username, known, consumer)
    prepared.set(key, { ...write, value: consumer, stays })
    const part = { kind: write.kind, ttlSeconds: undefined, ifRevision: undefined, whole: undefined, stays: false }
    for (const [id, value] of split.credentials) {
      const own = credentialDocumentKey(username, id)
      prepared.set(own, {
        ...part,
        id: own.slice('consumers/'.length),
        key: own,
        before: separate.get(id),
        value,
        isPart: true,
      })
    }
  }

  private completed(kind: ResourceKind, id: string, value: Document, before: StoredDocument | undefined): Document {
    const known = before && this.valueOf(kind, id, before)
    const whole = restoreMasked(value, known)
    const named = whole[idField(kind)] === undefined ? { [idField(kind)]: id, ...whole } : whole
    if (kind === 'plugin_metadata') return named
    const seconds = Math.floor(this.now() / 1_000)
    const created = known?.['create_time']
    return {
      ...named,
      create_time: value['create_time'] ?? created ?? seconds,
      update_time: value['update_time'] ?? seconds,
    }
  }

  /** @returns undefined when there is nothing to do */
  private commit(prepared: readonly Prepared[], { author }: WriteOptions): Promise<CommitResult> | undefined {
    const writes: Write[] = []
    const conditions: Condition[] = []
    for (const { kind, id, key, before, value, ttlSeconds, ifRevision, stays } of prepared) {
      conditions.push({ key, revision: ifRevision ?? before?.revision ?? 0 })
      if (stays) continue
      if (value === undefined) {
        if (before !== undefined || ifRevision !== undefined) writes.push({ key, value: undefined })
      } else {
        const text = this.store.codec.encode(kind, id, value)
        writes.push({ key, value: text, ...(ttlSeconds === undefined ? {} : { ttlSeconds }) })
      }
    }
    return writes.length === 0 ? undefined : this.backend.commit(writes, conditions, author)
  }

  private async done(prepared: readonly Prepared[], revision: number): Promise<WriteResult> {
    await within(MAX_WAIT_MS, this.store.reached(revision))
    const items = prepared.flatMap(({ kind, id, key, before, whole: value, stays }): Item[] => {
      if (value === undefined) return []
      const document = this.store.documents.get(key)
      if (document !== undefined && (stays || document.revision === revision)) return [this.item(kind, id, document)]
      // Somebody else was there since, or the watch is cut off.
      return [{ kind, id, value, createRevision: before?.createRevision ?? revision, revision }]
    })
    return { revision, items, changes: differencesOf(prepared, (one) => this.before(one)) }
  }

  private wouldBe(prepared: readonly Prepared[]): WriteResult {
    const items = prepared.flatMap(({ kind, id, before, whole: value }): Item[] =>
      value === undefined
        ? []
        : [{ kind, id, value, createRevision: before?.createRevision ?? 0, revision: before?.revision ?? 0 }],
    )
    return { revision: this.revision, items, changes: differencesOf(prepared, (one) => this.before(one)) }
  }

  /** What leads from what is there to these documents, and nothing else. */
  private differing(documents: readonly DocumentChange[]): DocumentChange[] {
    const kept = new Set<DocumentKey>()
    const changes = documents.filter((change) => {
      const key = documentKey(change.kind, change.id)
      kept.add(key)
      const before = this.store.documents.get(key)
      if (before === undefined || change.value === undefined || change.ttlSeconds !== undefined) return true
      const known = this.complete(change.kind, change.id, this.valueOf(change.kind, change.id, before))
      return known === undefined || !sameContent(change.kind, change.id, known, change.value)
    })
    for (const key of this.store.documents.keys()) {
      const parts = keyParts(key)
      if (parts === undefined || kept.has(key)) continue
      // A credential goes with its consumer.
      const owner = ownerOf(parts)
      if (owner === parts || !this.store.documents.has(documentKey(owner.kind, owner.id)))
        changes.push({ ...parts, value: undefined })
    }
    return changes
  }

  /** Until this node has seen what it lost against. */
  private async caughtUp(key: DocumentKey, prepared: readonly Prepared[]): Promise<void> {
    const seen = prepared.find((one) => one.key === key)?.before
    if (this.store.documents.get(key) !== seen) return
    let end: (() => void) | undefined
    const changed = new Promise<void>((resolve) => {
      end = this.store.onDocuments(({ events }) => {
        if (events.some((event) => event.key === key)) resolve()
      })
    })
    await within(MAX_WAIT_MS, changed)
    end?.()
  }

  private item(kind: ResourceKind, id: string, document: StoredDocument): Item {
    const { createRevision, revision } = document
    return {
      kind,
      id,
      value: this.complete(kind, id, this.valueOf(kind, id, document)) ?? {},
      createRevision,
      revision,
    }
  }

  /** Undefined: what lies in the store is no document. */
  private valueOf(kind: ResourceKind, id: string, document: StoredDocument): Document | undefined {
    const known = this.values.get(document)
    if (known !== undefined) return known
    const read = this.store.codec.decode(kind, id, document.value)
    if ('problem' in read) return undefined
    this.values.set(document, read.value)
    return read.value
  }

  /** A consumer with its credentials that are documents of their own. */
  private complete(
    kind: ResourceKind,
    id: string,
    value: Document | undefined,
    credentials = this.store.credentials,
  ): Document | undefined {
    if (kind !== 'consumers' || value === undefined) return value
    return withCredentials(value, this.credentialsOf(credentials.get(id)))
  }

  private credentialsOf(separate: ReadonlyMap<string, StoredDocument>): ReadonlyMap<string, Document> {
    const found = new Map<string, Document>()
    for (const [id, document] of separate)
      found.set(id, this.valueOf('consumers', document.key.slice('consumers/'.length), document) ?? {})
    return found
  }

  /** A document of an earlier time, to be written again now. */
  private old(kind: ResourceKind, id: string, document: StoredDocument, credentials: CredentialIndex): Document {
    const known = this.complete(kind, id, this.valueOf(kind, id, document), credentials)
    const { update_time: _updated, ...value } = known ?? {}
    return value
  }

  private before({ kind, id, before }: Prepared): Document | undefined {
    return before && this.valueOf(kind, id, before)
  }

  private difference(
    key: DocumentKey,
    before: StoredDocument | undefined,
    after: StoredDocument | undefined,
    ...[old, young]: readonly CredentialIndex[]
  ): ResourceDifference | undefined {
    const parts = keyParts(key)
    if (parts === undefined) return undefined
    const { kind, id } = parts
    const composed = kind === 'consumers' && ((old?.get(id).size ?? 0) > 0 || (young?.get(id).size ?? 0) > 0)
    if (before?.value === after?.value && !composed) return undefined
    const value = (document: StoredDocument | undefined, of: CredentialIndex | undefined): Document | undefined => {
      const known = document && this.valueOf(kind, id, document)
      return of === undefined ? known : this.complete(kind, id, known, of)
    }
    const difference = { kind, id, before: value(before, old), after: value(after, young) }
    return composed && isDeepStrictEqual(difference.before, difference.after) ? undefined : difference
  }

  private enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.queue.then(task)
    this.queue = result.catch(() => undefined)
    return result
  }
}

/** In the order of their kinds, then of their paths. */
function shown(findings: readonly Finding[]): ConfigProblem[] {
  const rank = (path: string): number => RESOURCE_KINDS.findIndex((kind) => path.startsWith(`/${kind}/`))
  return findings
    .toSorted((a, b) => rank(a.path) - rank(b.path) || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    .slice(0, MAX_PROBLEMS)
    .map(problemOf)
}
