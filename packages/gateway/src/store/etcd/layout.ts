import { StoreError } from '../backend/store-error.ts'
import type { DocumentKey } from '../backend/backend.ts'
import { RESOURCE_KINDS } from '../../resources/kind-names.ts'

const KINDS: ReadonlySet<string> = new Set(RESOURCE_KINDS)
/** APISIX writes it where a folder begins. */
const PLACEHOLDER = 'init_dir'
const MAX_PREFIX_BYTES = 256

/**
 * Where things are, for a prefix of `/sekisho`:
 *
 * ```
 * /sekisho/routes/1                       a document, as in APISIX
 * /sekisho/_commit                        the marker of a large commit that is being copied into place
 * /sekisho_history/001763738400000-9f2c…  an entry of the history; r000000000042: of a change that others made
 * /sekisho_history_parts/ID/0000          what is too long for one value
 * /sekisho_lock                           who prepares a large commit; has a lease
 * ```
 *
 * The marker lies among the documents so that a watch tells both in one order. APISIX passes over what it does not know there.
 */
export class Layout {
  readonly documents: Span
  readonly history: Span
  readonly parts: Span
  readonly marker: string
  readonly lock: string
  readonly #start: string

  /** Throws a StoreError when it is no prefix. */
  constructor(prefix: string) {
    const base = prefix.replace(/\/+$/, '')
    if (base === '' || Buffer.byteLength(base) > MAX_PREFIX_BYTES || base.includes('\0'))
      throw new StoreError(
        `${JSON.stringify(prefix)} cannot be the prefix of the store in etcd: write one like /sekisho`,
      )
    this.#start = `${base}/`
    this.documents = spanOf(this.#start)
    this.history = spanOf(`${base}_history/`)
    this.parts = spanOf(`${base}_history_parts/`)
    this.marker = `${base}/_commit`
    this.lock = `${base}_lock`
  }

  keyOf(document: DocumentKey): string {
    return this.#start + document
  }

  /** The document that a key holds; undefined: it holds none. */
  documentOf(key: string): DocumentKey | undefined {
    if (!key.startsWith(this.#start)) return undefined
    const slash = key.indexOf('/', this.#start.length)
    if (slash === -1 || slash === key.length - 1) return undefined
    return KINDS.has(key.slice(this.#start.length, slash)) ? (key.slice(this.#start.length) as DocumentKey) : undefined
  }
}

/** What of a layout is read and followed; stores of other things than documents of a gateway have one of their own. */
export type WatchedLayout = Pick<Layout, 'documents' | 'marker' | 'documentOf'>

export const isPlaceholder = (value: string): boolean => value === PLACEHOLDER

/** All keys that begin with `key`. */
export interface Span {
  readonly key: string
  readonly rangeEnd: string
}

/** `start` ends in `/`; what follows it in the alphabet is `0`. */
export const spanOf = (start: string): Span => ({ key: start, rangeEnd: `${start.slice(0, -1)}0` })
