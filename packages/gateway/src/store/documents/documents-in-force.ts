import { isDeepStrictEqual } from 'node:util'
import { claimsOf } from '../../config/checks/check-claims.ts'
import type { Entry } from '../../config/checks/entry.ts'
import {
  checkChange,
  type ChangeOptions,
  type CheckedChange,
  type ResourceWrite,
} from '../../config/incremental/check-change.ts'
import { referencesOf } from '../../config/incremental/references-of.ts'
import { ResourceIndex } from '../../config/incremental/resource-index.ts'
import { type Finding, pointerParts } from '../../config/problem.ts'
import {
  managersIn,
  parseSecretReference,
  SECRET_PREFIX,
  type WantedSecret,
} from '../../config/references/secret-reference.ts'
import { RESOURCE_KINDS } from '../../resources/kind-names.ts'
import { emptyResourceSet, type ResourceSet } from '../../resources/resource-set.ts'
import type { Secret } from '../../resources/secret.ts'
import type { DocumentKey, StoredDocument } from '../backend/backend.ts'
import type { Operation } from '../store.ts'
import { type Applied, ChangeWork, KIND_ORDER } from './change-work.ts'
import { credentialDocumentKey, CredentialIndex, credentialKey, withCredentials } from './credential-index.ts'
import type { DocumentCodec } from './document-codec.ts'
import { documentKey, keyParts } from './document-key.ts'
import { type RefusedDocument, RefusedDocuments, unreadable } from './refused-documents.ts'

export interface InForceOptions {
  readonly codec: DocumentCodec
  readonly check: Omit<ChangeOptions, 'index' | 'dangling'>
  /** Makes plugins of these names ready for the checks. */
  readonly loadPlugins: (names: Iterable<string>) => Promise<void> | undefined
}

/** One document as the store has it now; undefined: it is gone. */
export interface DocumentEvent {
  readonly key: DocumentKey
  readonly document: StoredDocument | undefined
}

/** Times that a change is checked without what was wrong with it, before each document is checked alone. */
const MAX_ROUNDS = 5

type Fields = Readonly<Record<string, unknown>>

/** A credential that is a document of its own: as it is written, and as it was when it was valid. */
interface Separate {
  readonly document: StoredDocument
  readonly now: Fields | undefined
  readonly good: Fields | undefined
}

type ReadWrite = ResourceWrite & { readonly key: DocumentKey; readonly document: StoredDocument }

/**
 * What is in force of the documents of a store, where others write, too. A document that is not valid is left out, and the last one that was
 * stays; when something changes that it waits for, it is looked at again. A document that is removed is gone, also when
 * others refer to it: their requests are answered as the gateway answers what has no upstream.
 */
export class DocumentsInForce {
  readonly index: ResourceIndex
  private readonly options: InForceOptions
  private readonly refusedDocuments = new RefusedDocuments()
  private readonly texts = new Map<DocumentKey, StoredDocument>()
  /** Documents that depend on files or secrets. */
  private readonly dependent = new Set<DocumentKey>()
  private readonly credentials = new CredentialIndex<Separate>()

  constructor(options: InForceOptions) {
    this.options = options
    this.index = new ResourceIndex(options.check.settings.acme?.domains)
  }

  /** How many documents are left out. */
  get refused(): number {
    return this.refusedDocuments.size
  }

  /** The texts of what is in force. */
  get documents(): ReadonlyMap<DocumentKey, StoredDocument> {
    return this.texts
  }

  /** Why a document is left out. */
  findingsOf(key: DocumentKey): readonly Finding[] | undefined {
    return this.refusedDocuments.get(key)?.findings
  }

  resources(): ResourceSet {
    const resources = emptyResourceSet()
    for (const kind of RESOURCE_KINDS) {
      const items = resources[kind] as Map<string, unknown>
      for (const { id, item } of this.index.entries(kind)) items.set(id, item)
    }
    return resources
  }

  /** Absolute paths of all files that documents name. */
  files(): string[] {
    const files = new Set<string>()
    for (const key of this.dependent) {
      const { kind, id } = keyParts(key)!
      for (const source of this.index.entry(kind, id)?.sources ?? []) if (!source.startsWith('$')) files.add(source)
    }
    for (const refused of this.refusedDocuments.values()) for (const file of refused.files) files.add(file)
    return [...files]
  }

  /** Secrets that documents name, with the managers that they are read from now. */
  *secrets(): Iterable<WantedSecret> {
    for (const key of this.dependent) {
      const { kind, id } = keyParts(key)!
      for (const source of this.index.entry(kind, id)?.sources ?? []) {
        const reference = source.startsWith(SECRET_PREFIX) ? parseSecretReference(source) : ''
        if (typeof reference === 'string') continue
        const manager = this.index.item('secrets', reference.manager)
        if (manager !== undefined) yield { reference: source, manager: manager as Secret }
      }
    }
    for (const { unread } of this.refusedDocuments.values()) yield* unread
  }

  /** Secrets that documents wait for. */
  get unread(): WantedSecret[] {
    return [...this.refusedDocuments.values()].flatMap(({ unread }) => unread)
  }

  /** What must be looked at again when files or secrets changed; with `all`, when plugins did. */
  eventsToRepeat(all: boolean): DocumentEvent[] {
    const keys = new Set<DocumentKey>(all ? this.texts.keys() : this.dependent)
    for (const key of this.refusedDocuments.keys()) keys.add(key)
    return [...keys].map((key) => ({ key, document: this.refusedDocuments.get(key)?.document ?? this.texts.get(key) }))
  }

  /** Checks a change against what is in force, and changes nothing. */
  async check(writes: readonly ResourceWrite[], dangling: ChangeOptions['dangling']): Promise<CheckedChange> {
    const loading = this.options.loadPlugins(pluginsOf(writes))
    if (loading !== undefined) await loading
    return checkChange(writes, { ...this.options.check, index: this.index, dangling })
  }

  /** Puts into force what is valid of a change. Not while another one is at work. */
  async apply(events: readonly DocumentEvent[]): Promise<Applied> {
    const work = new ChangeWork()
    const writes: ReadWrite[] = []
    const others = new Map<DocumentKey, StoredDocument | undefined>()
    for (const { key, document } of events) {
      if (!this.takeCredential(key, document, others, work)) others.set(key, document)
    }
    for (const [key, document] of others) {
      const parts = keyParts(key)
      if (parts === undefined) continue
      this.refusedDocuments.delete(key)
      this.index.setRefused(parts.kind, parts.id, false)
      if (document === undefined) this.remove(key, work)
      else this.read(document, writes, work)
    }
    await this.applyValid(inOrder(writes), work)
    await this.applyDependent(work)
    await this.applyWaiting(work)
    return work.result()
  }

  private read(document: StoredDocument, writes: ReadWrite[], work: ChangeWork): void {
    const { key } = document
    const { kind, id } = keyParts(key)!
    const read = this.options.codec.decode(kind, id, document.value)
    if ('problem' in read) this.refuse(unreadable(document, read.problem), undefined, work)
    else writes.push({ kind, id, value: this.complete(key, read.value), key, document })
  }

  /** A consumer with its credentials that are documents of their own. */
  private complete(key: DocumentKey, value: Fields): Fields {
    if (!key.startsWith('consumers/')) return value
    const found = new Map<string, Fields>()
    for (const [id, { now }] of this.credentials.get(key.slice('consumers/'.length)))
      if (now !== undefined) found.set(id, now)
    return withCredentials(value, found)
  }

  /** Takes a credential in, and its consumer to what is to be looked at; false: the document is something else. */
  private takeCredential(
    key: DocumentKey,
    document: StoredDocument | undefined,
    others: Map<DocumentKey, StoredDocument | undefined>,
    work: ChangeWork,
  ): boolean {
    const named = credentialKey(key)
    if (named === undefined) return false
    this.refusedDocuments.delete(key)
    this.index.setRefused('consumers', key.slice('consumers/'.length), false)
    const before = this.credentials.get(named.username).get(named.id)
    if (document === undefined) {
      this.credentials.set(key, undefined)
      this.texts.delete(key)
      work.entered(key, undefined)
    } else {
      const read = this.options.codec.decode('consumers', key.slice('consumers/'.length), document.value)
      const good = before?.good
      if ('problem' in read) this.refuse(unreadable(document, read.problem), undefined, work)
      this.credentials.set(key, { document, now: 'problem' in read ? good : read.value, good })
    }
    const consumer = documentKey('consumers', named.username)
    const there = this.refusedDocuments.get(consumer)?.document ?? this.texts.get(consumer)
    if (there !== undefined && !others.has(consumer)) others.set(consumer, there)
    return true
  }

  /** A consumer without those of its credentials that are wrong: each is left out alone, or stays what it was. Undefined: the consumer is. */
  private withoutWrong(
    write: ReadWrite,
    { findings, files, unread }: CheckedChange,
    work: ChangeWork,
  ): ReadWrite | undefined {
    const { kind, id: username, key, document } = write
    if (kind !== 'consumers') return undefined
    let left = false
    for (const [id, { document: written, now, good }] of this.credentials.get(username)) {
      const place = `/consumers/${username}/credentials/${id}`
      const own = findings.filter(({ path }) => path === place || path.startsWith(`${place}/`))
      if (own.length === 0 || now === undefined) continue
      left = true
      const separate = credentialDocumentKey(username, id)
      this.refuse({ document: written, findings: own, files, unread }, write, work)
      this.credentials.set(separate, { document: written, now: now === good ? undefined : good, good })
    }
    if (!left) return undefined
    const read = this.options.codec.decode(kind, username, document.value)
    return 'problem' in read ? undefined : { ...write, value: this.complete(key, read.value) }
  }

  /** All together where they are valid together, as they nearly always are; else all but those that are wrong. */
  private async applyValid(writes: readonly ReadWrite[], work: ChangeWork): Promise<void> {
    let left = writes
    const suspect: ReadWrite[] = []
    for (let round = 0; left.length > 0; round++) {
      const { findings, entries } = await this.check(left, 'accepted')
      if (findings.length === 0) {
        this.enter(left, entries, work)
        break
      }
      const wrong = new Set(findings.map(({ path }) => keyOfPath(path)))
      const rest = left.filter(({ key }) => !wrong.has(key))
      // Something that was in force before would be wrong with one of these.
      if (rest.length === left.length || round === MAX_ROUNDS) {
        suspect.push(...left)
        break
      }
      suspect.push(...left.filter(({ key }) => wrong.has(key)))
      left = rest
    }
    for (const write of inOrder(suspect)) await this.applyOne(write, work)
  }

  private async applyOne(write: ReadWrite, work: ChangeWork): Promise<boolean> {
    const checked = await this.check([write], 'accepted')
    const { findings, entries, files, unread } = checked
    if (findings.length === 0) {
      this.enter([write], entries, work)
      return true
    }
    const without = this.withoutWrong(write, checked, work)
    if (without !== undefined) return this.applyOne(without, work)
    this.refuse({ document: write.document, findings, files, unread }, write, work)
    return false
  }

  /** What is read from a secret manager that changed. */
  private async applyDependent(work: ChangeWork): Promise<void> {
    const changed = [...work.inForce.keys()].filter((key) => key.startsWith('secrets/'))
    if (changed.length === 0) return
    const writes: ReadWrite[] = []
    for (const manager of changed)
      for (const { kind, id } of this.index.referrersOf(manager)) {
        const key = documentKey(kind, id)
        const document = this.refusedDocuments.get(key)?.document ?? this.texts.get(key)
        if (document !== undefined && !work.inForce.has(key)) this.read(document, writes, work)
      }
    await this.applyValid(inOrder(writes), work)
  }

  /** A document that waited for another one; of a credential, its consumer. */
  private readAgain(document: StoredDocument, writes: ReadWrite[], work: ChangeWork): void {
    const others = new Map<DocumentKey, StoredDocument | undefined>()
    if (!this.takeCredential(document.key, document, others, work)) return this.read(document, writes, work)
    for (const consumer of others.values()) if (consumer !== undefined) this.read(consumer, writes, work)
  }

  private async applyWaiting(work: ChangeWork): Promise<void> {
    let changed: Iterable<DocumentKey> = work.inForce.keys()
    for (;;) {
      const entered: DocumentKey[] = []
      for (const key of this.refusedDocuments.waitingFor(changed)) {
        const known = this.refusedDocuments.get(key)
        if (known === undefined) continue
        const writes: ReadWrite[] = []
        this.readAgain(known.document, writes, work)
        for (const write of writes) if (await this.applyOne(write, work)) entered.push(key)
      }
      if (entered.length === 0) return
      changed = entered
    }
  }

  private enter(writes: readonly ReadWrite[], entries: readonly Entry[], work: ChangeWork): void {
    for (const [at, entry] of entries.entries()) {
      const { kind, id, item } = entry
      const { key, document } = writes[at]!
      const before = this.index.item(kind, id)
      this.index.set(entry, this.options.check.plugins)
      this.index.setRefused(kind, id, false)
      this.refusedDocuments.delete(key)
      this.texts.set(key, document)
      if (kind === 'consumers') this.enterCredentials(id, work)
      if (entry.sources === undefined) this.dependent.delete(key)
      else this.dependent.add(key)
      work.entered(key, document)
      // A new time of its last change is nothing to the workers.
      if (before === undefined || !isDeepStrictEqual(before, item))
        work.operation(key, { kind, id, value: item } as Operation)
    }
  }

  /** What is in the consumer now is good. */
  private enterCredentials(username: string, work: ChangeWork): void {
    for (const [id, separate] of this.credentials.get(username)) {
      const { document, now, good } = separate
      const key = credentialDocumentKey(username, id)
      if (now === undefined || now === good || this.refusedDocuments.get(key) !== undefined) continue
      this.credentials.set(key, { document, now, good: now })
      this.texts.set(key, document)
      work.entered(key, document)
    }
  }

  private remove(key: DocumentKey, work: ChangeWork): void {
    const { kind, id } = keyParts(key)!
    const there = this.index.item(kind, id) !== undefined
    this.index.delete(kind, id)
    this.texts.delete(key)
    this.dependent.delete(key)
    work.entered(key, undefined)
    if (there) work.operation(key, { kind, id, value: undefined } as Operation)
  }

  private refuse(refused: RefusedDocument, write: ReadWrite | undefined, work: ChangeWork): void {
    const { key } = refused.document
    const { kind, id } = keyParts(key)!
    this.refusedDocuments.add(refused, this.waitsFor(key, refused.findings, write))
    this.index.setRefused(kind, id, true)
    work.refuse(refused)
  }

  /** The documents whose change could make this one valid. */
  private waitsFor(
    key: DocumentKey,
    findings: readonly Finding[],
    write: ReadWrite | undefined,
  ): ReadonlySet<DocumentKey> {
    const found = new Set<DocumentKey>(findings.map(({ path }) => keyOfPath(path)))
    if (write !== undefined) {
      const { kind, id, value } = write
      const entry: Entry = { kind, id, item: value as Entry['item'], path: '' }
      for (const manager of managersIn(value)) found.add(documentKey('secrets', manager))
      try {
        const { plugins } = this.options.check
        for (const target of referencesOf(entry, plugins)) {
          found.add(target)
          const parts = keyParts(target)!
          const there = this.index.entry(parts.kind, parts.id)
          if (there !== undefined) for (const next of referencesOf(there, plugins)) found.add(next)
        }
        for (const { name } of claimsOf(entry, plugins)) {
          const holder = this.index.holder(name)
          if (holder !== undefined) found.add(holder)
        }
      } catch {
        // It did not pass its schema: nothing but another text can help.
      }
    }
    found.delete(key)
    return found
  }
}

/** What others refer to first; of what was written earlier, the earlier: who claimed something first keeps it. */
const inOrder = (writes: readonly ReadWrite[]): ReadWrite[] =>
  writes.toSorted(
    (a, b) => KIND_ORDER.get(a.kind)! - KIND_ORDER.get(b.kind)! || a.document.revision - b.document.revision,
  )

function keyOfPath(path: string): DocumentKey {
  const [kind = '', id = ''] = pointerParts(path)
  return documentKey(kind as Parameters<typeof documentKey>[0], id)
}

function pluginsOf(writes: readonly ResourceWrite[]): Set<string> {
  const names = new Set<string>()
  for (const { kind, id, value } of writes) {
    if (kind === 'plugin_metadata') names.add(id)
    const plugins = (value as { plugins?: unknown } | undefined)?.plugins
    if (plugins !== null && typeof plugins === 'object') for (const name of Object.keys(plugins)) names.add(name)
  }
  return names
}
