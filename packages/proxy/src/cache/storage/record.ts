import * as zlib from 'node:zlib'
import { Headers, latin1TextOf } from '@sekisho/wire'
import { CRC32_START, crc32End, crc32Text } from '../../balancing/crc32.ts'
import type { StoredMeta } from '../stored-response.ts'

/**
 * A response as bytes:
 *
 *     magic (4) | meta length (4) | CRC-32 of meta (4) | meta, JSON in UTF-8 | body
 *
 * Little endian. The meta part has the length of the body and a CRC-32 of each of its pieces.
 */
export const HEADER_BYTES = 12
const MAGIC = 0x31434b53 // "SKC1"
/** A head has 32 KiB; cells and checks come on top. */
const MAX_META_BYTES = 1_048_576

interface MetaText {
  readonly k: string
  readonly s: number
  readonly r: string
  readonly h: string
  readonly t: number
  readonly a: number
  readonly f: number
  readonly n: boolean
  readonly m: boolean
  readonly w: number
  readonly e: number
  readonly q: number
  readonly c: readonly number[]
  readonly v?: readonly (readonly string[])[]
  readonly l: number
  readonly x: readonly number[]
}

/** The part before the body. `checks`: CRC-32 of each piece of the body; none where nothing can go wrong with it. */
export function encodeMeta(meta: StoredMeta, checks: readonly number[]): Buffer {
  const text: MetaText = {
    k: meta.key,
    s: meta.status,
    r: meta.reason,
    h: meta.headers.block,
    t: meta.receivedAt,
    a: meta.initialAgeMs,
    f: meta.freshMs,
    n: meta.alwaysAsk,
    m: meta.neverStale,
    w: meta.staleWhileRevalidateMs,
    e: meta.staleIfErrorMs,
    q: meta.sequence,
    c: meta.cells,
    ...(meta.variants === undefined ? {} : { v: meta.variants }),
    l: meta.bodyLength,
    x: checks,
  }
  const json = Buffer.from(JSON.stringify(text), 'utf8')
  const head = Buffer.allocUnsafe(HEADER_BYTES + json.length)
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt32LE(json.length, 4)
  head.writeUInt32LE(crcOf(json), 8)
  json.copy(head, HEADER_BYTES)
  return head
}

/** Bytes that the meta part takes, header included; -1 when these bytes do not begin a record. */
export function metaBytes(header: Buffer): number {
  if (header.length < HEADER_BYTES || header.readUInt32LE(0) !== MAGIC) return -1
  const length = header.readUInt32LE(4)
  return length > MAX_META_BYTES ? -1 : HEADER_BYTES + length
}

export interface DecodedMeta {
  readonly meta: StoredMeta
  readonly checks: readonly number[]
}

/** undefined: it is damaged, or of another version. */
export function decodeMeta(bytes: Buffer): DecodedMeta | undefined {
  const size = metaBytes(bytes)
  if (size < 0 || bytes.length < size) return undefined
  const json = bytes.subarray(HEADER_BYTES, size)
  if (crcOf(json) !== bytes.readUInt32LE(8)) return undefined
  try {
    const text = JSON.parse(json.toString('utf8')) as MetaText
    return {
      checks: text.x,
      meta: {
        key: text.k,
        status: text.s,
        reason: text.r,
        headers: headersOf(text.h),
        receivedAt: text.t,
        initialAgeMs: text.a,
        freshMs: text.f,
        alwaysAsk: text.n,
        neverStale: text.m,
        staleWhileRevalidateMs: text.w,
        staleIfErrorMs: text.e,
        sequence: text.q,
        cells: text.c,
        variants: text.v,
        bodyLength: text.l,
      },
    }
  } catch {
    return undefined
  }
}

/** The length that it tells needs no look at the fields then: nothing was taken out, and the masks are known. */
function headersOf(block: string): Headers {
  const headers = new Headers()
  for (let at = 0; at < block.length;) {
    const colon = block.indexOf(': ', at)
    const end = block.indexOf('\r\n', at)
    if (colon < 0 || end < colon) throw new Error('not a header block')
    headers.appendUnchecked(block.slice(at, colon), block.slice(colon + 2, end))
    at = end + 2
  }
  return headers
}

/** Not there in the first releases of Node 20. */
const native = (zlib as unknown as { crc32?: (bytes: Uint8Array) => number }).crc32

export const crcOf = (bytes: Uint8Array): number =>
  native === undefined ? crc32End(crc32Text(CRC32_START, latin1TextOf(bytes))) : native(bytes)
