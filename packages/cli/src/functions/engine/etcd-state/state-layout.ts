import type { DocumentKey } from '@sekisho/gateway/internal/store/backend/backend'
import { type Span, spanOf, type WatchedLayout } from '@sekisho/gateway/internal/store/etcd/layout'

/**
 * Where things are, for a prefix of `/sekisho-functions`:
 *
 * ```
 * /sekisho-functions/records/functions/NAME   a record of the state
 * /sekisho-functions/writers/NODE/3           the mark of the last commit that a node made in its place 3
 * ```
 *
 * Marks lie beside the records so that a watch that tells of a commit's mark has told of all its records.
 */
export class StateLayout implements WatchedLayout {
  readonly documents: Span
  /** A key that nothing has: there are no commits that are larger than a transaction. */
  readonly marker: string
  readonly #records: string
  readonly #writers: string

  constructor(prefix: string) {
    this.documents = spanOf(`${prefix}/`)
    this.marker = `${prefix}/`
    this.#records = `${prefix}/records/`
    this.#writers = `${prefix}/writers/`
  }

  /** The watch of the gateway hands keys through as they are. */
  documentOf(key: string): DocumentKey {
    return key as DocumentKey
  }

  keyOf(record: string): string {
    return this.#records + record
  }

  /** The record in a key of etcd; undefined: it holds none. */
  recordOf(key: string): string | undefined {
    return key.startsWith(this.#records) ? key.slice(this.#records.length) : undefined
  }

  markOf(node: string, place: number): string {
    return `${this.#writers}${node}/${place}`
  }

  /** All records that begin with `prefix`. */
  recordsFrom(prefix: string): Span {
    const key = this.#records + prefix
    return { key, rangeEnd: afterAll(key) }
  }
}

const SURROGATES = 0xd800
const AFTER_SURROGATES = 0xe000

/** The first text behind all that begin with `start`, in the order of UTF-8, which is that of code points. */
function afterAll(start: string): string {
  const points = Array.from(start)
  // There is nothing behind U+10FFFF; the prefix of all records ends in a slash.
  while (points.at(-1) === '\u{10FFFF}') points.pop()
  const next = points.pop()!.codePointAt(0)! + 1
  return points.join('') + String.fromCodePoint(next === SURROGATES ? AFTER_SURROGATES : next)
}
