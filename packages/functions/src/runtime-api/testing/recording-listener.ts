import type { RuntimeApiListener, RuntimeFailure } from '../runtime-api-listener.ts'

/** Notes what it is told, one line each, and does what a test wants of it. */
export class RecordingListener implements RuntimeApiListener {
  readonly told: string[] = []
  readonly bodies: Buffer[] = []
  /** What `onResponseChunk` answers. */
  room = true
  onNext: (() => void) | undefined

  /** What was told since the last call. */
  take(): string[] {
    return this.told.splice(0)
  }

  onRuntimeNext(): void {
    this.told.push('next')
    this.onNext?.()
  }
  onResponse(body: Buffer, contentType: string | undefined, requestId: string): void {
    this.bodies.push(body)
    this.told.push(`response ${requestId} ${contentType ?? '-'} ${short(body)}`)
  }
  onResponseStart(contentType: string | undefined, requestId: string): void {
    this.told.push(`start ${requestId} ${contentType ?? '-'}`)
  }
  onResponseChunk(chunk: Uint8Array): boolean {
    this.bodies.push(chunk as Buffer)
    this.told.push(`chunk ${short(chunk)}`)
    return this.room
  }
  onResponseEnd(error: RuntimeFailure | undefined, requestId: string): void {
    this.told.push(`end ${requestId} ${error === undefined ? 'well' : failure(error)}`)
  }
  onResponseTooLarge(bytes: number, requestId: string): void {
    this.told.push(`too large ${requestId} ${bytes}`)
  }
  onError(error: RuntimeFailure, requestId: string): void {
    this.told.push(`error ${requestId} ${failure(error)}`)
  }
  onInitError(error: RuntimeFailure): void {
    this.told.push(`init error ${failure(error)}`)
  }
  onExtensionRegistered(name: string, events: readonly string[]): void {
    this.told.push(`registered ${name} ${events.join(',')}`)
  }
  onExtensionNext(name: string): void {
    this.told.push(`extension next ${name}`)
  }
  onExtensionFailed(name: string, error: RuntimeFailure): void {
    this.told.push(`extension failed ${name} ${failure(error)}`)
  }
  onNotice(message: string): void {
    this.told.push(`notice ${message}`)
  }
}

const short = (bytes: Uint8Array): string =>
  bytes.length > 200 ? `${bytes.length} bytes` : Buffer.from(bytes).toString('latin1')

const failure = ({ type, body, cause }: RuntimeFailure): string =>
  `${type} ${short(body)}${cause === undefined ? '' : ` cause ${cause.length > 200 ? `${cause.length} characters` : cause}`}`
