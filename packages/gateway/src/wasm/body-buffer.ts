/** The bytes of a body that a filter sees now: a piece, or what it has held back with the piece that came last. */
export class BodyBuffer {
  bytes: Uint8Array
  /** The filter changed it. */
  modified = false
  private readonly limitBytes: number

  constructor(bytes: Uint8Array, limitBytes: number) {
    this.bytes = bytes
    this.limitBytes = limitBytes
  }

  /**
   * Puts `data` in the place of `size` bytes from `start`: before all with 0 and 0, behind all with a `start` at the end or beyond it.
   * @returns false when it would be longer than the limit
   */
  replace(start: number, size: number, data: Uint8Array): boolean {
    const { bytes } = this
    const from = Math.min(start, bytes.length)
    const to = Math.min(from + size, bytes.length)
    const length = bytes.length - (to - from) + data.length
    if (length > this.limitBytes && length > bytes.length) return false
    // A copy always: `data` lies in the guest's memory, `bytes` in that of a socket.
    const next = Buffer.allocUnsafe(length)
    next.set(bytes.subarray(0, from), 0)
    next.set(data, from)
    next.set(bytes.subarray(to), from + data.length)
    this.bytes = next
    this.modified = true
    return true
  }
}
