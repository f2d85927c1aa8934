import type { BackendChange, BackendListener, BackendSnapshot, DocumentKey, StoredDocument } from '../backend.ts'

/** A listener that keeps all it is told, and the documents that follow from it. */
export class Recorder implements BackendListener {
  readonly changes: BackendChange[] = []
  readonly resyncs: BackendSnapshot[] = []
  readonly states: { readonly connected: boolean; readonly reason: string | undefined }[] = []
  readonly documents = new Map<DocumentKey, StoredDocument>()
  revision = 0
  readonly #waiting = new Set<() => void>()

  onChange(change: BackendChange): void {
    this.changes.push(change)
    this.revision = change.revision
    for (const { key, document } of change.events) {
      if (document === undefined) this.documents.delete(key)
      else this.documents.set(key, document)
    }
    this.#wake()
  }

  onResync(snapshot: BackendSnapshot): void {
    this.resyncs.push(snapshot)
    this.revision = snapshot.revision
    this.documents.clear()
    for (const [key, document] of snapshot.documents) this.documents.set(key, document)
    this.#wake()
  }

  onState(connected: boolean, reason: string | undefined): void {
    this.states.push({ connected, reason })
    this.#wake()
  }

  /** Keys of all events, in order. */
  eventKeys(): DocumentKey[] {
    return this.changes.flatMap(({ events }) => events.map(({ key }) => key))
  }

  reached(revision: number): Promise<void> {
    return this.until(() => this.revision >= revision)
  }

  /** Asked after everything that it is told. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
      check()
    })
  }

  #wake(): void {
    for (const check of this.#waiting) check()
  }
}
