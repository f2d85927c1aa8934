import { status } from '@grpc/grpc-js'

/** Ends a call with a status other than OK. Its message is for the client. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: status

  constructor(code: status, message: string) {
    super(message)
    this.code = code
  }
}

export const invalidArgument = (message: string): Refusal => new Refusal(status.INVALID_ARGUMENT, message)
