import { SENT, type ClientEnd, type Sent, type ServerExchange, type ServerStream } from '@sekisho/wire'

/** The client of a request that the cache makes for itself: takes everything, says nothing, is never lost. */
export class BackgroundStream implements ServerStream {
  exchange: ServerExchange | undefined
  readonly client: ClientEnd
  readonly requestNumber: number
  readonly httpMajor: 1 | 2
  readonly bytesReceived = 0
  bytesSent = 0
  headSent = false
  readonly backlog = 0
  readonly needsDrain = false

  /** @param original whose request led to this one */
  constructor(original: ServerStream) {
    this.client = original.client
    this.requestNumber = original.requestNumber
    this.httpMajor = original.httpMajor
  }

  readRequestBody(): void {}
  pauseRequestBody(): void {}
  resumeRequestBody(): void {}
  releaseRequestBody(): void {}
  sendInformational(): void {}
  sendResponse(): void {
    this.headSent = true
  }
  sendHead(): void {
    this.headSent = true
  }
  sendBody(): Sent {
    return SENT
  }
  endBody(): void {}
  cut(): void {}
  startTunnel(): void {}
  sendTunnelBytes(): Sent {
    return SENT
  }
  endTunnel(): void {}
  closeTunnel(): void {}
}
