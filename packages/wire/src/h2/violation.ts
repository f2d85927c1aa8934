import type { ErrorCode } from './frames.ts'

/** Why a whole connection cannot go on (RFC 9113 section 5.4.1): returned by what reads, told to the peer in GOAWAY. */
export class Violation {
  readonly code: ErrorCode
  readonly message: string
  constructor(code: ErrorCode, message: string) {
    this.code = code
    this.message = message
  }
}
