import { ErrorCode } from './frames.ts'

/** Why a whole connection cannot go on (RFC 9113 section 5.4.1): returned by what reads, told to the peer in GOAWAY. */
export class Violation {
  readonly code: ErrorCode
  readonly message: string
  constructor(code: ErrorCode, message: string) {
    this.code = code
    this.message = message
  }
}

export const wrongSize = (frame: string): Violation =>
  new Violation(ErrorCode.FRAME_SIZE_ERROR, `the length of ${frame} is not what it has to be`)
export const needsStream = (frame: string): Violation =>
  new Violation(ErrorCode.PROTOCOL_ERROR, `${frame} needs a stream`)
export const needsNoStream = (frame: string): Violation =>
  new Violation(ErrorCode.PROTOCOL_ERROR, `${frame} belongs to no stream`)
export const flood = (what: string): Violation => new Violation(ErrorCode.ENHANCE_YOUR_CALM, `too many ${what}`)
export const unread = (): Violation => flood('frames without reading what they are answered')
/** A stream error; but the fields of the block were not decoded, so that nothing that follows could be. */
export const selfDependent = (streamId: number): Violation =>
  new Violation(ErrorCode.PROTOCOL_ERROR, `stream ${streamId} depends on itself`)
