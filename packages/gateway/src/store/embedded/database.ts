import type { Database, RootDatabase, Transaction } from 'lmdb'
import type { BackendSnapshot, DocumentKey, StoredDocument } from '../backend/backend.ts'
import { StoreError } from '../backend/store-error.ts'
import { DamagedRecord, DamagedStoreError } from './damaged.ts'
import {
  decodeDocument,
  decodeJson,
  type DocumentRecord,
  encodeDocument,
  encodeJson,
  FORMAT,
  type HistoryChange,
  type HistoryHeader,
  type StoreState,
} from './records.ts'

/** The root, `documents` and `history`. */
const MAX_DATABASES = 3

const STATE = 'state'

export interface DatabaseOptions {
  readonly readOnly?: boolean
}

/**
 * What is in the file: the state, the documents by key, the history by `[revision, number]`, where number 0 is the header and the
 * others are one change each. All calls are synchronous: LMDB is a memory map.
 */
export class EmbeddedDatabase {
  readonly file: string
  readonly #root: RootDatabase<string, string>
  readonly #documents: Database<string, string>
  readonly #history: Database<string, [number, number]>
  #reading: Transaction | undefined

  private constructor(file: string, root: RootDatabase<string, string>) {
    this.file = file
    this.#root = root
    this.#documents = root.openDB('documents', { encoding: 'string' })
    this.#history = root.openDB('history', { encoding: 'string' })
  }

  /** LMDB is loaded here: 10 MB that a node with a configuration file does not pay. */
  static async open(file: string, options: DatabaseOptions = {}): Promise<EmbeddedDatabase> {
    const { open } = await import('lmdb')
    let root: RootDatabase<string, string> | undefined
    try {
      root = open<string, string>({
        path: file,
        noSubdir: true,
        encoding: 'string',
        maxDbs: MAX_DATABASES,
        readOnly: options.readOnly === true,
        // A commit is on the disk when it returns: data first, then the page that points to it, with fdatasync after each.
        overlappingSync: false,
        ...({ permissionsMode: 0o600 } as object),
      })
      return new EmbeddedDatabase(file, root)
    } catch (error) {
      await root?.close()
      if (isDamage(error)) throw new DamagedStoreError(file, error.message, { cause: error })
      const reason = error instanceof Error ? error.message : String(error)
      throw new StoreError(`the store ${file} cannot be opened: ${reason}`, { cause: error })
    }
  }

  /**
   * All of it or nothing; durable when it returns. A throw undoes everything. Not lmdb's asynchronous transactions: when their commit
   * fails (a full disk), the promise of nobody rejects and the process ends.
   */
  write(action: () => void): void {
    this.#explained(() => this.#root.transactionSync(action))
  }

  /** What `action` reads is of one moment, whoever writes meanwhile. */
  read<T>(action: () => T): T {
    if (this.#reading !== undefined) return this.#explained(action)
    // Another process may have written since the last one.
    ;(this.#root as unknown as { resetReadTxn(): void }).resetReadTxn()
    this.#reading = this.#root.useReadTransaction()
    try {
      return this.#explained(action)
    } finally {
      this.#reading.done()
      this.#reading = undefined
    }
  }

  /** A copy: changed by the caller, and written with `putState`. */
  state(): StoreState {
    const state = decodeJson<StoreState>(STATE, this.#root.get(STATE, this.#options))
    if ((state.format as number) !== FORMAT)
      throw new StoreError(
        `the store ${this.file} has the format ${String(state.format)}, this version of Sekisho knows ${String(FORMAT)}: ` +
          'start the version that wrote it',
      )
    return state
  }

  putState(state: StoreState): void {
    this.#root.putSync(STATE, encodeJson(STATE, state))
  }

  document(key: DocumentKey): DocumentRecord | undefined {
    const record = this.#documents.get(key, this.#options)
    return record === undefined ? undefined : decodeDocument(key, record)
  }

  putDocument(key: DocumentKey, record: DocumentRecord): void {
    this.#documents.putSync(key, encodeDocument(key, record))
  }

  removeDocument(key: DocumentKey): void {
    this.#documents.removeSync(key)
  }

  *documents(): Generator<readonly [DocumentKey, DocumentRecord]> {
    for (const { key, value } of this.#documents.getRange({ ...this.#options, snapshot: true })) {
      const name = key as DocumentKey
      yield [name, decodeDocument(name, value)]
    }
  }

  /** Everything that holds now, checked against the state's count: a branch of the tree that is missing is noticed. */
  snapshot(): BackendSnapshot {
    return this.read(() => {
      const state = this.state()
      const documents = new Map<DocumentKey, StoredDocument>()
      for (const [key, { value, createRevision, revision }] of this.documents())
        documents.set(key, { key, value, createRevision, revision })
      if (documents.size !== state.documents)
        throw new DamagedRecord(`${documents.size} documents are there, ${state.documents} should be`)
      return { revision: state.revision, documents }
    })
  }

  historyHeader(revision: number): HistoryHeader {
    return decodeJson(`history ${revision}`, this.#history.get([revision, 0], this.#options))
  }

  /** @param number from 1 */
  historyChange(revision: number, number: number): HistoryChange {
    return decodeJson(`history ${revision}/${number}`, this.#history.get([revision, number], this.#options))
  }

  putHistory(
    revision: number,
    header: Omit<HistoryHeader, 'changes' | 'bytes'>,
    changes: readonly HistoryChange[],
  ): number {
    let bytes = 0
    for (const [index, change] of changes.entries()) {
      const record = encodeJson(`history ${revision}/${index + 1}`, change)
      bytes += record.length
      this.#history.putSync([revision, index + 1], record)
    }
    this.#history.putSync(
      [revision, 0],
      encodeJson(`history ${revision}`, { ...header, changes: changes.length, bytes } satisfies HistoryHeader),
    )
    return bytes
  }

  removeHistory(revision: number, header: HistoryHeader): void {
    for (let number = 0; number <= header.changes; number++) this.#history.removeSync([revision, number])
  }

  /** A copy of one moment without free pages, while others read and write. */
  async copyTo(file: string): Promise<void> {
    await this.#root.backup(file, true)
  }

  async close(): Promise<void> {
    await this.#root.close()
  }

  get #options(): { transaction?: Transaction } {
    return this.#reading === undefined ? {} : { transaction: this.#reading }
  }

  #explained<T>(action: () => T): T {
    try {
      return action()
    } catch (error) {
      if (isDamage(error)) throw new DamagedStoreError(this.file, error.message, { cause: error })
      throw error
    }
  }
}

/** Not a full disk, which is an error of LMDB, too. */
function isDamage(error: unknown): error is Error {
  return (
    error instanceof DamagedRecord ||
    (error instanceof Error &&
      /^MDB_(CORRUPTED|PAGE_NOTFOUND|INVALID|VERSION_MISMATCH|CURSOR_FULL|INCOMPATIBLE|BAD_VALSIZE|BAD_TXN|BAD_DBI)/.test(
        error.message,
      ))
  )
}
