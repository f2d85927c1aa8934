import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'

/** The beginning of a body, copied as it passes. */
export class BodyCapture {
  private readonly chunks: Buffer[] = []
  private length = 0
  private readonly maxBytes: number

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** @param chunk valid during the call */
  add(chunk: Uint8Array): void {
    const room = this.maxBytes - this.length
    if (room <= 0 || chunk.length === 0) return
    const kept = Buffer.from(chunk.length > room ? chunk.subarray(0, room) : chunk)
    this.chunks.push(kept)
    this.length += kept.length
  }

  get bytes(): Buffer {
    return this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks)
  }
}

/** A body as text, for JSON: UTF-8, with U+FFFD for what is none. */
export const bodyText = (bytes: Buffer): string => bytes.toString('utf8')

/** Whether `decodeBody` can take this encoding off. */
export const isDecodable = (encoding: string | undefined): encoding is string =>
  encoding !== undefined && Object.hasOwn(DECODERS, encoding.toLowerCase())

const DECODERS = {
  gzip: () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
  deflate: () => createInflate({ finishFlush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH }),
}

/**
 * Takes the encoding off the beginning of a body, in another thread. What is damaged or cut off gives what came before that; when that is nothing the
 * bytes as they are.
 * @param done called once, with at most `maxBytes`
 */
export function decodeBody(bytes: Buffer, encoding: string, maxBytes: number, done: (decoded: Buffer) => void): void {
  const decoder = DECODERS[encoding.toLowerCase() as keyof typeof DECODERS]()
  const decoded = new BodyCapture(maxBytes)
  let left = maxBytes
  let ended = false
  const end = (): void => {
    if (ended) return
    ended = true
    decoder.destroy()
    const result = decoded.bytes
    done(result.length === 0 ? bytes : result)
  }
  decoder.on('data', (chunk: Buffer) => {
    decoded.add(chunk)
    left -= chunk.length
    // A small body may stand for gigabytes.
    if (left <= 0) end()
  })
  decoder.on('end', end)
  decoder.on('error', end)
  decoder.end(bytes)
}
