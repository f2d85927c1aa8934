import type { Sandbox, SandboxEvents, SandboxExit, SandboxLaunch, SandboxSpec } from '../../drivers/driver.ts'
import type { RuntimeApiListener, RuntimeEvent, RuntimeFailure } from '../../runtime-api/runtime-api-listener.ts'
import type { EnvironmentApi } from '../environment-api.ts'

const EXIT: SandboxExit = { status: 0, signal: undefined, outOfMemory: false, failure: undefined }

/** Sandbox and Runtime API of one environment, played by a test. */
export class FakeEnvironment implements Sandbox, EnvironmentApi {
  readonly pid = 1
  readonly spec: SandboxSpec
  readonly launched: SandboxLaunch
  /** What the engine sent, in order. */
  readonly events: RuntimeEvent[] = []
  readonly shutdowns: { readonly reason: string; readonly deadlineMs: number }[] = []
  /** The event that is worked on. */
  current: RuntimeEvent | undefined
  waiting = false
  frozen = false
  thaws = 0
  freezes = 0
  killed = false
  terminated = false
  gone = false
  closed = false
  limited = false
  resumed = 0
  peakBytes = 10 * 1024 * 1024
  listener!: RuntimeApiListener
  readonly #sandboxEvents: SandboxEvents

  constructor(spec: SandboxSpec, events: SandboxEvents, open: (environment: FakeEnvironment) => void) {
    this.spec = spec
    this.#sandboxEvents = events
    // As in a driver, the Runtime API opens in here.
    open(this)
    this.launched = spec.launch(
      { task: '/var/task', layers: '/opt', runtime: undefined, temporary: '/tmp', interpreter: undefined },
      '127.0.0.1:9001',
    )
  }

  get requestId(): string {
    return this.current?.requestId ?? 'none'
  }

  // What the runtime does.

  next(): void {
    this.waiting = true
    this.listener.onRuntimeNext()
  }

  respond(body = '"ok"', contentType = 'application/json'): void {
    const { requestId } = this
    this.current = undefined
    this.listener.onResponse(Buffer.from(body), contentType, requestId)
  }

  /** Answers and asks for more. */
  finish(body?: string): void {
    this.respond(body)
    this.next()
  }

  fail(type: string, body: string): void {
    const { requestId } = this
    this.current = undefined
    this.listener.onError({ type, body: Buffer.from(body) }, requestId)
  }

  tooLarge(bytes: number): void {
    const { requestId } = this
    this.current = undefined
    this.listener.onResponseTooLarge(bytes, requestId)
  }

  startPieces(contentType: string | undefined): void {
    this.listener.onResponseStart(contentType, this.requestId)
  }

  piece(chunk: Uint8Array): boolean {
    return this.listener.onResponseChunk(chunk, this.requestId)
  }

  endPieces(error?: RuntimeFailure): void {
    const { requestId } = this
    this.current = undefined
    this.listener.onResponseEnd(error, requestId)
  }

  print(text: string): void {
    this.#sandboxEvents.onOutput('stdout', Buffer.from(text))
  }

  exit(exit: Partial<SandboxExit> = {}): void {
    if (this.gone) throw new Error('it has ended')
    this.gone = true
    this.current = undefined
    this.#sandboxEvents.onExit({ ...EXIT, ...exit })
  }

  // What the engine does.

  open(): void {
    throw new Error('there are no sockets here')
  }

  deliver(event: RuntimeEvent): void {
    if (this.frozen) throw new Error('it is frozen')
    if (this.gone || this.closed) throw new Error('it is gone')
    if (!this.waiting) throw new Error('the runtime has not asked')
    if (this.current !== undefined) throw new Error('it has an event')
    this.waiting = false
    this.current = event
    this.events.push(event)
  }

  resumeResponse(): void {
    this.resumed++
  }

  sendShutdown(reason: string, deadlineMs: number): void {
    this.shutdowns.push({ reason, deadlineMs })
  }

  close(): void {
    this.closed = true
  }

  limitCpus(): void {
    this.limited = true
  }

  freeze(): void {
    this.frozen = true
    this.freezes++
  }

  thaw(): void {
    this.frozen = false
    this.thaws++
  }

  kill(): void {
    this.killed = true
  }

  terminate(): void {
    this.terminated = true
  }

  peakMemoryBytes(): number {
    return this.peakBytes
  }
}
