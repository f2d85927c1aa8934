import type { Headers } from '@sekisho/wire'
import { ACCEPTED } from './answers.ts'
import type { Delivery } from './delivery.ts'
import { errorCause } from './error-cause.ts'
import { errorType } from './error-type.ts'
import type { RequestTask, RuntimeConnection } from './runtime-connection.ts'
import type { RuntimeFailure } from './runtime-api-listener.ts'

/** What a runtime posted as an error. The body goes to the caller as it is, whatever it is. */
export const failureIn = (headers: Headers, body: Buffer): RuntimeFailure => ({
  type: errorType(headers.get('Lambda-Runtime-Function-Error-Type')),
  body,
  cause: errorCause(headers.get('Lambda-Runtime-Function-XRay-Error-Cause')),
})

/** A `/runtime/invocation/{id}/error` on its way. */
export class ErrorReport implements RequestTask {
  private readonly delivery: Delivery
  private readonly headers: Headers

  constructor(delivery: Delivery, headers: Headers) {
    this.delivery = delivery
    this.headers = headers
  }

  onBody(connection: RuntimeConnection, body: Buffer): void {
    this.delivery.fail(failureIn(this.headers, body))
    connection.send(ACCEPTED)
  }

  onTooLarge(bytes: number): void {
    this.delivery.onTooLarge(bytes)
  }

  onBroken(): void {
    this.delivery.onBroken()
  }
}
