import { promisify } from 'node:util'
import { brotliCompress, brotliDecompress, constants } from 'node:zlib'
import type { Author, DocumentKey, StoredDocument } from '../../backend/backend.ts'
import { textOf } from '../documents.ts'

/** How one document changed. What is undefined was or is not there. */
export interface RecordedChange {
  readonly key: DocumentKey
  readonly before?: string
  /** The document's revisions, before. */
  readonly revision?: number
  readonly createRevision?: number
  readonly after?: string
  /** Decimal. */
  readonly lease?: string
}

/** One commit, as it is kept. */
export interface HistoryRecord {
  /** Milliseconds since 1970. */
  readonly time: number
  /** Undefined: others wrote, not through a gateway. */
  readonly author?: Author
  readonly changes: readonly RecordedChange[]
}

/** What is kept of a record that is too long for one value: how many parts it has. */
export interface Parted {
  readonly parts: number
}

/** Left out is what is not there. */
export function recordedChange(
  key: DocumentKey,
  before: StoredDocument | undefined,
  after: string | undefined,
): RecordedChange {
  return {
    key,
    ...(before && { before: before.value, revision: before.revision, createRevision: before.createRevision }),
    ...(after !== undefined && { after }),
  }
}

const compress = promisify(brotliCompress)
const decompress = promisify(brotliDecompress)

/** Shorter ones are kept as JSON, which `etcdctl get` shows. */
const PLAIN_BYTES = 4 * 1024
/** First byte of a compressed record; JSON begins with a brace. */
const COMPRESSED = 0
/** Of a record, decompressed. A commit has at most 64 MB of new values; what they replace comes on top. */
const MAX_RECORD_BYTES = 512 * 1024 * 1024
/** `before` and `after` are much alike: with a window that holds both, the second one costs nearly nothing. */
const QUALITY = { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 22 }

export async function encodeRecord(record: HistoryRecord | Parted): Promise<Uint8Array> {
  const plain = Buffer.from(JSON.stringify(record))
  if (plain.length <= PLAIN_BYTES) return plain
  return Buffer.concat([Buffer.of(COMPRESSED), await compress(plain, { params: QUALITY })])
}

/** Undefined: not written by a gateway, or damaged. */
export async function decodeRecord(bytes: Uint8Array): Promise<HistoryRecord | Parted | undefined> {
  try {
    const plain =
      bytes[0] === COMPRESSED ? await decompress(bytes.subarray(1), { maxOutputLength: MAX_RECORD_BYTES }) : bytes
    const record: unknown = JSON.parse(textOf(plain))
    return isRecord(record) || isParted(record) ? record : undefined
  } catch {
    return undefined
  }
}

export const isParted = (record: unknown): record is Parted =>
  isObject(record) && Number.isInteger(record['parts']) && (record['parts'] as number) > 0

function isRecord(record: unknown): record is HistoryRecord {
  return (
    isObject(record) &&
    typeof record['time'] === 'number' &&
    Array.isArray(record['changes']) &&
    record['changes'].every((change) => isObject(change) && typeof change['key'] === 'string')
  )
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
