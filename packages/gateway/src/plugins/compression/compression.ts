import { brotliCompressSync, constants, createBrotliCompress, createGzip, gzipSync } from 'node:zlib'
import type { BrotliCompress, BrotliOptions, Gzip, ZlibOptions } from 'node:zlib'
import type { Headers } from '@sekisho/wire'
import type { GatewaySession } from '../../session.ts'
import type { PluginHooks } from '../definition.ts'
import { accepts } from './accepts.ts'
import { isUsable, SyncCompressor } from './sync-compressor.ts'

export interface CompressionSettings {
  readonly types: readonly string[] | '*'
  /** Bytes that a body must have, where its length is known. */
  readonly min_length: number
  /** Of requests. */
  readonly http_version: number
  /** Say `Vary: Accept-Encoding`. */
  readonly vary?: boolean
}

/** A content coding, and how it is made. */
export interface Coding {
  readonly name: 'gzip' | 'br'
  readonly process: number
  readonly flush: number
  readonly finish: number
  open(): Gzip | BrotliCompress
  whole(body: Uint8Array): Uint8Array
}

export const gzipCoding = (options: ZlibOptions): Coding => ({
  name: 'gzip',
  process: constants.Z_NO_FLUSH,
  flush: constants.Z_SYNC_FLUSH,
  finish: constants.Z_FINISH,
  open: () => createGzip(options),
  whole: (body) => gzipSync(body, options),
})

export const brotliCoding = (options: BrotliOptions): Coding => ({
  name: 'br',
  process: constants.BROTLI_OPERATION_PROCESS,
  flush: constants.BROTLI_OPERATION_FLUSH,
  finish: constants.BROTLI_OPERATION_FINISH,
  open: () => createBrotliCompress(options),
  whole: (body) => brotliCompressSync(body, options),
})

/** Statuses whose bodies are parts, or that have none. */
const NOT_COMPRESSED: ReadonlySet<number> = new Set([204, 205, 206, 304])
const EVENTS = 'text/event-stream'

/** Compresses responses for clients that take the coding (RFC 9110 section 8.4). */
export function compression(name: string, coding: Coding, settings: CompressionSettings): PluginHooks {
  const { types, min_length: minLength, http_version: version, vary = false } = settings
  const listed = types === '*' ? undefined : new Set(types.map((type) => type.toLowerCase()))
  const ofOldClients = version <= 1

  const typeOf = (headers: Headers): string => (headers.get('content-type') ?? '').split(';', 1)[0].trim().toLowerCase()

  /** Another answer would leave for another Accept-Encoding. */
  function isEligible({ request, response, protocol, responseSource }: GatewaySession): boolean {
    if (response === undefined || request.method === 'HEAD' || NOT_COMPRESSED.has(response.status)) return false
    if (response.status < 200 || responseSource === undefined || (protocol === 'HTTP/1.0' && !ofOldClients))
      return false
    const { headers, bodyLength } = response
    if (bodyLength === 0 || headers.has('content-encoding') || headers.has('content-range')) return false
    const length = headers.get('content-length')
    if (length !== undefined && Number(length) < minLength) return false
    const type = typeOf(headers)
    if (type.startsWith('application/grpc') || (listed !== undefined && !listed.has(type))) return false
    return !/\bno-transform\b/i.test(headers.get('cache-control') ?? '')
  }

  return {
    headerFilter(session) {
      if (!isEligible(session)) return
      const { ctx, request, response } = session
      const { headers } = response as NonNullable<typeof response>
      if (vary) addVary(headers)
      if (!accepts(request.headers.get('accept-encoding'), coding.name)) return
      headers.set('Content-Encoding', coding.name)
      headers.delete('content-length')
      headers.delete('accept-ranges')
      weaken(headers)
      ctx.setState(name, new Compressing(coding, typeOf(headers) === EVENTS))
    },
    bodyFilter: ({ ctx }, chunk, end) => ctx.getState<Compressing>(name)?.write(chunk, end),
    log({ ctx }) {
      ctx.getState<Compressing>(name)?.close()
    },
  }
}

/** The bytes are others than those that a strong validator was given for (RFC 9110 section 8.8.1). */
function weaken(headers: Headers): void {
  const etag = headers.get('etag')
  if (etag !== undefined && !etag.startsWith('W/')) headers.set('ETag', `W/${etag}`)
}

function addVary(headers: Headers): void {
  const fields =
    headers
      .get('vary')
      ?.toLowerCase()
      .split(/\s*,\s*/) ?? []
  if (!fields.includes('accept-encoding') && !fields.includes('*')) headers.append('Vary', 'Accept-Encoding')
}

/** Of bodies that can only be compressed whole. */
const MAX_WHOLE_BYTES = 1_048_576

/** One body on its way. */
class Compressing {
  private readonly coding: Coding
  /** Each piece leaves at once: somebody waits for it. */
  private readonly flushes: boolean
  private compressor: SyncCompressor | undefined
  private closed = false

  constructor(coding: Coding, flushes: boolean) {
    this.coding = coding
    this.flushes = flushes
  }

  write(chunk: Uint8Array, end: boolean): Uint8Array {
    const { coding } = this
    if (this.closed) return new Uint8Array(0)
    if (this.compressor === undefined) {
      // Most bodies come in one piece, and need no stream.
      if (end && chunk.length <= MAX_WHOLE_BYTES) {
        this.closed = true
        return coding.whole(chunk)
      }
      this.compressor = open(coding)
    }
    const ready = this.compressor.write(chunk, end ? coding.finish : this.flushes ? coding.flush : coding.process)
    if (end) this.close()
    return ready
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.compressor?.close()
  }
}

function open(coding: Coding): SyncCompressor {
  const stream = coding.open()
  if (!isUsable(stream))
    throw new Error(`bodies cannot be compressed piece by piece by this Node.js (${process.version})`)
  return new SyncCompressor(stream)
}
