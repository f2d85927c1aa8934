const INVALID = -1
const PADDING = -2
const EQUALS = 0x3d

/** The value of each character of the alphabet (RFC 4648 section 4). */
const VALUES = new Int8Array(256).fill(INVALID)
'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  .split('')
  .forEach((character, value) => (VALUES[character.charCodeAt(0)] = value))
VALUES[EQUALS] = PADDING

/**
 * Decodes base64 that comes in pieces. Each group of four characters may be padded, since text may be several that were encoded one by one.
 * Strict but for that: no other alphabet, no white space, no bits that padding leaves over.
 */
export class Base64Decoder {
  /** Where the first character stands that makes it invalid, counted from 0; -1: none does. */
  failedAt = -1
  /** Characters so far. */
  private seen = 0
  /** Those of the group that is not complete: how many, and their bits. */
  private held = 0
  private bits = 0
  /** How many of the held ones are padding. */
  private padding = 0

  /** The bytes of all groups that are complete with this chunk; undefined after a failure. */
  decode(chunk: Uint8Array): Buffer | undefined {
    if (this.failedAt >= 0) return undefined
    const out = Buffer.allocUnsafe(((this.held + chunk.length) >> 2) * 3)
    let { held, bits, padding } = this
    let length = 0
    for (let at = 0; at < chunk.length; at++) {
      const value = VALUES[chunk[at]]
      if (value >= 0 && padding === 0) bits = (bits << 6) | value
      else if (value === PADDING && (held === 3 || (held === 2 && padding === 0))) {
        bits <<= 6
        padding++
      } else return this.fail(this.seen + at)
      if (++held < 4) continue
      if (padding > 0 && (bits & (padding === 1 ? 0xff : 0xffff)) !== 0) return this.fail(this.seen + at)
      out[length++] = bits >> 16
      if (padding < 2) out[length++] = bits >> 8
      if (padding < 1) out[length++] = bits
      held = 0
      bits = 0
      padding = 0
    }
    this.seen += chunk.length
    this.held = held
    this.bits = bits
    this.padding = padding
    return out.subarray(0, length)
  }

  /** @returns whether the last group is complete */
  end(): boolean {
    if (this.failedAt < 0 && this.held > 0) this.failedAt = this.seen
    return this.failedAt < 0
  }

  private fail(at: number): undefined {
    this.failedAt = at
    return undefined
  }
}
