/** Flag and length before each message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const PREFIX_BYTES = 5

/**
 * Follows the messages of a stream by their prefixes, and keeps nothing of them: what it costs is a few additions a chunk. Lengths are those on
 * the wire, so of compressed messages what they are before they are unpacked.
 */
export class MessageMeter {
  readonly limit: number
  /** The length of the message that is too long; 0: none was. */
  exceeded = 0
  /** Bytes of the current message that are still to come. */
  private left = 0
  /** How much of a prefix was read, and the length as far as it is known. */
  private prefixBytes = 0
  private length = 0

  /** @param limit bytes of one message, at most */
  constructor(limit: number) {
    this.limit = limit
  }

  /** Nothing is missing of the last message. */
  get between(): boolean {
    return this.left === 0 && this.prefixBytes === 0
  }

  /** @returns false when a message is longer than the limit: as soon as its prefix is there, before its bytes are */
  follow(chunk: Uint8Array): boolean {
    if (this.exceeded > 0) return false
    let at = 0
    while (at < chunk.length) {
      if (this.left > 0) {
        const taken = Math.min(this.left, chunk.length - at)
        this.left -= taken
        at += taken
        continue
      }
      const byte = chunk[at++]
      // The first byte is the flag.
      if (this.prefixBytes++ > 0) this.length = this.length * 256 + byte
      if (this.prefixBytes < PREFIX_BYTES) continue
      if (this.length > this.limit) {
        this.exceeded = this.length
        return false
      }
      this.left = this.length
      this.prefixBytes = 0
      this.length = 0
    }
    return true
  }
}
