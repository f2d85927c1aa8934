import { open, mkdir, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { DocumentKey, StoredDocument } from '../backend/backend.ts'
import { keyParts } from './document-key.ts'

/** Changes that come within this time are written together. */
export const DEBOUNCE_MS = 200

/** The file is written anew when what was appended is more than this, and more than the rest of it. */
const MIN_APPENDED_BYTES = 1024 * 1024

/** As all documents of a store, twice. */
const MAX_FILE_BYTES = 1024 * 1024 * 1024

const FORMAT = 'sekisho last good 1'

export interface LastGood {
  readonly revision: number
  readonly documents: ReadonlyMap<DocumentKey, StoredDocument>
}

/** One document of the file; without a value it is gone. */
type Line = readonly [key: DocumentKey, createRevision?: number, revision?: number, value?: string]

/**
 * What is in force, on disk: a node starts with it when its store cannot be reached. The texts are as they lie in the store: secrets in them
 * are encrypted where those of the store are.
 *
 * Lines of JSON: a header, then for each commit its documents and `{"revision":N}`, which makes them count. A change appends, so that it
 * costs its own size; now and then the file is written anew beside the old one and put in its place. What a crash left half written at
 * the end is not read.
 */
export class LastGoodFile {
  readonly path: string
  private readonly failed: (error: Error) => void
  private pending: string[] = []
  private pendingRevision = 0
  private timer: NodeJS.Timeout | undefined
  private writing: Promise<void> = Promise.resolve()
  private all: (() => LastGood) | undefined
  private appended = 0
  private base = 0

  /** @param failed the file cannot be written; the gateway goes on without it */
  constructor(path: string, failed: (error: Error) => void) {
    this.path = path
    this.failed = failed
  }

  /** Undefined: there is none. Rejects with words when there is one that cannot be read. */
  async read(): Promise<LastGood | undefined> {
    let text: string
    try {
      if ((await stat(this.path)).size > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} bytes`)
      text = await readFile(this.path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new Error(`the last good configuration ${this.path} cannot be read: ${(error as Error).message}`, {
        cause: error,
      })
    }
    return readLines(text)
  }

  /** From now on the file holds what `all` gives, and what is appended. Writes it whole. */
  start(all: () => LastGood): void {
    this.all = all
    this.appended = Infinity
    this.schedule()
  }

  /** What changed in force; written soon. */
  append(revision: number, changed: Iterable<readonly [DocumentKey, StoredDocument | undefined]>): void {
    if (this.all === undefined) return
    for (const [key, document] of changed) this.pending.push(lineOf(key, document))
    this.pendingRevision = revision
    this.schedule()
  }

  /** Writes what is waiting. */
  async close(): Promise<void> {
    if (this.timer !== undefined) {
      clearTimeout(this.timer)
      this.flush()
    }
    this.all = undefined
    await this.writing
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => this.flush(), DEBOUNCE_MS)
  }

  private flush(): void {
    this.timer = undefined
    const { all } = this
    if (all === undefined) return
    const lines = this.pending
    this.pending = []
    const whole = this.appended > MIN_APPENDED_BYTES && this.appended > this.base
    if (!whole && lines.length === 0) return
    const text = whole ? wholeText(all()) : `${lines.join('')}${revisionLine(this.pendingRevision)}`
    if (whole) {
      this.base = text.length
      this.appended = 0
    } else this.appended += text.length
    this.writing = this.writing
      .then(() => (whole ? replaceFile(this.path, text) : appendFile(this.path, text)))
      .catch((error: Error) => {
        // The next write starts from nothing.
        this.appended = Infinity
        this.failed(error)
      })
  }
}

function readLines(text: string): LastGood | undefined {
  const documents = new Map<DocumentKey, StoredDocument>()
  let waiting: Line[] = []
  let revision: number | undefined
  const lines = text.split('\n')
  // What follows the last line break was not written to its end.
  lines.pop()
  if (lines[0] !== JSON.stringify(FORMAT)) return undefined
  for (const text of lines.slice(1)) {
    let line: Line | { readonly revision: number }
    try {
      line = JSON.parse(text) as typeof line
    } catch {
      break
    }
    if (!('revision' in line)) {
      waiting.push(line)
      continue
    }
    for (const [key, createRevision = 0, changed = 0, value] of waiting) {
      if (keyParts(key) === undefined) continue
      if (value === undefined) documents.delete(key)
      else documents.set(key, { key, value, createRevision, revision: changed })
    }
    waiting = []
    revision = line.revision
  }
  return revision === undefined ? undefined : { revision, documents }
}

const lineOf = (key: DocumentKey, document: StoredDocument | undefined): string =>
  `${JSON.stringify(document === undefined ? [key] : [key, document.createRevision, document.revision, document.value])}\n`

const revisionLine = (revision: number): string => `${JSON.stringify({ revision })}\n`

function wholeText({ revision, documents }: LastGood): string {
  let text = `${JSON.stringify(FORMAT)}\n`
  for (const [key, document] of documents) text += lineOf(key, document)
  return text + revisionLine(revision)
}

const MODE = 0o600

async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const beside = `${path}.new`
  const file = await open(beside, 'w', MODE)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}

async function appendFile(path: string, text: string): Promise<void> {
  const file = await open(path, 'a', MODE)
  try {
    await file.writeFile(text)
  } finally {
    await file.close()
  }
}
