/** A node that cannot be understood: which one, what is wrong, what would be right. */
export class InvalidNodeError extends Error {
  /** JSON Pointer (RFC 6901) to the wrong value, relative to the nodes: `/0/port`, or '' for the whole. */
  readonly path: string
  /** The message without the place. */
  readonly reason: string

  constructor(path: readonly string[], reason: string) {
    const pointer = path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
    super(`nodes${pointer}: ${reason}`)
    this.name = 'InvalidNodeError'
    this.path = pointer
    this.reason = reason
  }
}
