/** Pieces up to here are gathered: the object around a piece of memory costs a hundred bytes, and a peer may send byte by byte. */
const SMALL_BYTES = 1_024
const GATHERED_BYTES = 8_192

/** Content of one stream that came while nobody took it. */
export class ReceivedContent {
  bytes = 0
  private readonly pieces: Buffer[] = []
  /** Memory that the last piece is the beginning of. */
  private memory: Buffer | undefined
  private filled = 0

  /** Copies `bytes[at, end)`. */
  push(bytes: Buffer, at: number, end: number): void {
    const length = end - at
    this.bytes += length
    if (this.memory !== undefined && this.filled + length <= GATHERED_BYTES && this.pieces.length > 0) {
      bytes.copy(this.memory, this.filled, at, end)
      this.filled += length
      this.pieces[this.pieces.length - 1] = this.memory.subarray(0, this.filled)
      return
    }
    this.memory = length > SMALL_BYTES ? undefined : Buffer.allocUnsafeSlow(GATHERED_BYTES)
    const piece = this.memory?.subarray(0, length) ?? Buffer.allocUnsafe(length)
    bytes.copy(piece, 0, at, end)
    this.filled = length
    this.pieces.push(piece)
  }

  /** The oldest piece; it is the caller's. */
  shift(): Buffer | undefined {
    const piece = this.pieces.shift()
    if (piece !== undefined) this.bytes -= piece.length
    return piece
  }
}
