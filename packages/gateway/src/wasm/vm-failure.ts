/** A module can run no more: it trapped, exited, or went beyond a limit. Its machine is given up, and a new one made after a while. */
export class VmFailure extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'VmFailure'
  }
}
