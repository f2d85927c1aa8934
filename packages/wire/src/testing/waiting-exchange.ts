import type { TransportError } from '../errors.ts'
import type { ResponseHead } from '../h1/response-head.ts'
import { RecordedResponse } from './client-side.ts'

/** A recorded response that can be waited for, for tests over real sockets. */
export class WaitingExchange extends RecordedResponse {
  readonly connected: Promise<void>
  /** Resolves when the response is complete or failed. */
  readonly over: Promise<this>
  private resolveConnected: () => void = () => {}
  private resolveOver: () => void = () => {}

  constructor() {
    super()
    this.connected = new Promise((resolve) => (this.resolveConnected = resolve))
    this.over = new Promise((resolve) => (this.resolveOver = () => resolve(this)))
  }

  override onConnected(): void {
    super.onConnected()
    this.resolveConnected()
  }
  override onResponse(head: ResponseHead, body: string, trailers: string): void {
    super.onResponse(head, body, trailers)
    this.resolveOver()
  }
  override onResponseEnd(trailers: string): void {
    super.onResponseEnd(trailers)
    this.resolveOver()
  }
  override onUpstreamError(error: TransportError): void {
    super.onUpstreamError(error)
    this.resolveConnected()
    this.resolveOver()
  }
}
