const NOTHING = Buffer.alloc(0)

/**
 * Encodes a stream as base64, piece by piece. What does not fill a group of three bytes waits for the next piece, unless it is to be read
 * without it: padding stands only where a reader has to have all.
 */
export class Base64Encoder {
  private rest: Buffer = NOTHING

  /** @param whole everything so far is wanted, and what is left over is padded */
  encode(chunk: Uint8Array, whole: boolean): Buffer {
    const bytes = this.rest.length === 0 ? viewOf(chunk) : Buffer.concat([this.rest, chunk])
    const end = whole ? bytes.length : bytes.length - (bytes.length % 3)
    this.rest = end === bytes.length ? NOTHING : Buffer.from(bytes.subarray(end))
    return end === 0 ? NOTHING : Buffer.from(bytes.toString('base64', 0, end), 'latin1')
  }
}

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
