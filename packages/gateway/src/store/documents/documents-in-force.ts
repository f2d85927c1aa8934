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
import { RESOURCE_KINDS } from '../../resources/kind-names.ts'
import { emptyResourceSet, type ResourceSet } from '../../resources/resource-set.ts'
import type { DocumentKey, StoredDocument } from '../backend/backend.ts'
import type { Operation } from '../store.ts'
import type { DocumentCodec } from './document-codec.ts'
import { documentKey, keyParts } from './document-key.ts'
import { type RefusedDocument, RefusedDocuments } from './refused-documents.ts'

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

/** What a change of documents came to. */
export interface Applied {
  /** For the workers, in the order in which references hold. */
  readonly operations: readonly Operation[]
  /** What is in force now in place of what was, also where workers need not know. */
  readonly inForce: ReadonlyMap<DocumentKey, StoredDocument | undefined>
  /** What is left out, and stays as it was. */
  readonly refused: readonly RefusedDocument[]
}

/** Times that a change is checked without what was wrong with it, before each document is checked alone. */
const MAX_ROUNDS = 5

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
    const work = new Work()
    const writes: ReadWrite[] = []
    for (const event of events) {
      const { key, document } = event
      const parts = keyParts(key)
      if (parts === undefined) continue
      this.refusedDocuments.delete(key)
      this.index.setRefused(parts.kind, parts.id, false)
      if (document === undefined) this.remove(key, work)
      else this.read(document, writes, work)
    }
    await this.applyValid(inOrder(writes), work)
    await this.applyWaiting(work)
    return work.result()
  }

  private read(document: StoredDocument, writes: ReadWrite[], work: Work): void {
    const { key } = document
    const { kind, id } = keyParts(key)!
    const read = this.options.codec.decode(kind, id, document.value)
    if ('problem' in read) this.refuse({ document, findings: [read.problem], files: new Set() }, undefined, work)
    else writes.push({ kind, id, value: read.value, key, document })
  }

  /** All together where they are valid together, as they nearly always are; else all but those that are wrong. */
  private async applyValid(writes: readonly ReadWrite[], work: Work): Promise<void> {
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

  private async applyOne(write: ReadWrite, work: Work): Promise<boolean> {
    const { findings, entries, files } = await this.check([write], 'accepted')
    if (findings.length === 0) this.enter([write], entries, work)
    else this.refuse({ document: write.document, findings, files }, write, work)
    return findings.length === 0
  }

  private async applyWaiting(work: Work): Promise<void> {
    let changed: Iterable<DocumentKey> = work.inForce.keys()
    for (;;) {
      const entered: DocumentKey[] = []
      for (const key of this.refusedDocuments.waitingFor(changed)) {
        const known = this.refusedDocuments.get(key)
        if (known === undefined) continue
        const writes: ReadWrite[] = []
        this.read(known.document, writes, work)
        for (const write of writes) if (await this.applyOne(write, work)) entered.push(key)
      }
      if (entered.length === 0) return
      changed = entered
    }
  }

  private enter(writes: readonly ReadWrite[], entries: readonly Entry[], work: Work): void {
    for (const [at, entry] of entries.entries()) {
      const { kind, id, item } = entry
      const { key, document } = writes[at]!
      const before = this.index.item(kind, id)
      this.index.set(entry, this.options.check.plugins)
      this.index.setRefused(kind, id, false)
      this.refusedDocuments.delete(key)
      this.texts.set(key, document)
      if (entry.sources === undefined) this.dependent.delete(key)
      else this.dependent.add(key)
      work.entered(key, document)
      // A new time of its last change is nothing to the workers.
      if (before === undefined || !isDeepStrictEqual(before, item))
        work.operation(key, { kind, id, value: item } as Operation)
    }
  }

  private remove(key: DocumentKey, work: Work): void {
    const { kind, id } = keyParts(key)!
    const there = this.index.item(kind, id) !== undefined
    this.index.delete(kind, id)
    this.texts.delete(key)
    this.dependent.delete(key)
    work.entered(key, undefined)
    if (there) work.operation(key, { kind, id, value: undefined } as Operation)
  }

  private refuse(refused: RefusedDocument, write: ReadWrite | undefined, work: Work): void {
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
      try {
        for (const target of referencesOf(entry)) {
          found.add(target)
          const parts = keyParts(target)!
          const there = this.index.entry(parts.kind, parts.id)
          if (there !== undefined) for (const next of referencesOf(there)) found.add(next)
        }
        for (const { name } of claimsOf(entry, this.options.check.plugins)) {
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

/** What one change does. */
class Work {
  readonly inForce = new Map<DocumentKey, StoredDocument | undefined>()
  private readonly operations = new Map<DocumentKey, Operation>()
  private readonly refused = new Map<DocumentKey, RefusedDocument>()

  entered(key: DocumentKey, document: StoredDocument | undefined): void {
    this.inForce.set(key, document)
    this.refused.delete(key)
  }

  operation(key: DocumentKey, operation: Operation): void {
    this.operations.set(key, operation)
  }

  refuse(refused: RefusedDocument): void {
    this.refused.set(refused.document.key, refused)
  }

  result(): Applied {
    return {
      operations: orderedOperations([...this.operations.values()]),
      inForce: this.inForce,
      refused: [...this.refused.values()],
    }
  }
}

const KIND_ORDER = new Map(RESOURCE_KINDS.map((kind, index) => [kind, index]))

/** What others refer to first; of what was written earlier, the earlier: who claimed something first keeps it. */
const inOrder = (writes: readonly ReadWrite[]): ReadWrite[] =>
  writes.toSorted(
    (a, b) => KIND_ORDER.get(a.kind)! - KIND_ORDER.get(b.kind)! || a.document.revision - b.document.revision,
  )

/** As `diffResources` orders them: at every step each reference has its target. */
function orderedOperations(operations: readonly Operation[]): Operation[] {
  if (operations.length < 2) return [...operations]
  const rank = ({ kind, value }: Operation): number =>
    value === undefined ? 2 * RESOURCE_KINDS.length - KIND_ORDER.get(kind)! : KIND_ORDER.get(kind)!
  return operations.toSorted((a, b) => rank(a) - rank(b))
}

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
