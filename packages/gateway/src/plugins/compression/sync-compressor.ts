import type { BrotliCompress, Gzip } from 'node:zlib'

/**
 * What Node's compressing streams are made of: their class is for pipes and threads, and a filter has to give its bytes back at once. The same in
 * Node 12 to 26; `isUsable` looks, and whole bodies are compressed by the documented functions where it is another thing.
 */
interface Inside {
  readonly _handle?: {
    writeSync(
      operation: number,
      input: Uint8Array,
      inputOffset: number,
      inputLength: number,
      output: Uint8Array,
      outputOffset: number,
      outputLength: number,
    ): void
  } | null
  /** After a write: room left in the output, bytes left of the input. */
  readonly _writeState?: Uint32Array
}

const inside = (stream: Gzip | BrotliCompress): Inside => stream as unknown as Inside

export const isUsable = (stream: Gzip | BrotliCompress): boolean =>
  typeof inside(stream)._handle?.writeSync === 'function' && inside(stream)._writeState?.length === 2

/** Compressed pieces are gathered here before they are copied out: one for all of a thread. */
const output = Buffer.allocUnsafe(65_536)
const NOTHING = new Uint8Array(0)

/** Compresses piece by piece, each at once. */
export class SyncCompressor {
  private readonly stream: Gzip | BrotliCompress

  /** @param stream of which nobody uses the methods */
  constructor(stream: Gzip | BrotliCompress) {
    this.stream = stream
  }

  /** @param operation of `zlib.constants`: process, flush or finish @returns the bytes that are ready */
  write(chunk: Uint8Array, operation: number): Uint8Array {
    const { _handle: handle, _writeState: state } = inside(this.stream)
    if (!handle || state === undefined) return NOTHING
    let ready: Buffer | undefined
    let offset = 0
    let left = chunk.length
    for (;;) {
      handle.writeSync(operation, chunk, offset, left, output, 0, output.length)
      const [room, unread] = state
      offset += left - unread
      left = unread
      if (room < output.length) {
        const piece = output.subarray(0, output.length - room)
        ready = ready === undefined ? Buffer.from(piece) : Buffer.concat([ready, piece])
      }
      // A full output may have more behind it.
      if (room > 0) return ready ?? NOTHING
    }
  }

  /** Gives its memory back. */
  close(): void {
    this.stream.close()
  }
}
