import type { Finding } from '../../config/problem.ts'
import type { WantedSecret } from '../../config/references/secret-reference.ts'
import type { DocumentKey, StoredDocument } from '../backend/backend.ts'

export interface RefusedDocument {
  readonly document: StoredDocument
  readonly findings: readonly Finding[]
  /** Absolute paths of the files that it names. */
  readonly files: ReadonlySet<string>
  /** Secrets that it names and that are not known. */
  readonly unread: readonly WantedSecret[]
}

/** A document that cannot be read at all. */
export const unreadable = (document: StoredDocument, problem: Finding): RefusedDocument => ({
  document,
  findings: [problem],
  files: new Set(),
  unread: [],
})

/** Documents that lie in the store and are not valid, each with those that could make it so by a change. */
export class RefusedDocuments {
  private readonly refused = new Map<DocumentKey, RefusedDocument & { readonly waitsFor: ReadonlySet<DocumentKey> }>()
  private readonly waiting = new Map<DocumentKey, Set<DocumentKey>>()

  get size(): number {
    return this.refused.size
  }

  get(key: DocumentKey): RefusedDocument | undefined {
    return this.refused.get(key)
  }

  keys(): Iterable<DocumentKey> {
    return this.refused.keys()
  }

  values(): Iterable<RefusedDocument> {
    return this.refused.values()
  }

  add(refused: RefusedDocument, waitsFor: ReadonlySet<DocumentKey>): void {
    const { document } = refused
    this.delete(document.key)
    this.refused.set(document.key, { ...refused, waitsFor })
    for (const key of waitsFor) {
      const waiting = this.waiting.get(key)
      if (waiting === undefined) this.waiting.set(key, new Set([document.key]))
      else waiting.add(document.key)
    }
  }

  delete(key: DocumentKey): void {
    const known = this.refused.get(key)
    if (known === undefined) return
    this.refused.delete(key)
    for (const other of known.waitsFor) {
      const waiting = this.waiting.get(other)
      waiting?.delete(key)
      if (waiting?.size === 0) this.waiting.delete(other)
    }
  }

  /** Those that may be valid now that these changed. */
  waitingFor(changed: Iterable<DocumentKey>): Set<DocumentKey> {
    const found = new Set<DocumentKey>()
    for (const key of changed) for (const one of this.waiting.get(key) ?? []) found.add(one)
    return found
  }
}
