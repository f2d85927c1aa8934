import type { Headers } from '@sekisho/wire'
import type { GatewaySession } from '../session.ts'
import type { BodyBuffer } from './body-buffer.ts'
import { MapType } from './abi.ts'
import { FieldMap } from './field-map.ts'
import { RequestPseudoFields, ResponsePseudoFields } from './head-fields.ts'
import type { RootContext } from './root-context.ts'
import type { Vm } from './vm.ts'
import { VmFailure } from './vm-failure.ts'

/** What a filter may keep with a request (`proxy_set_property`). */
const MAX_PROPERTIES = 100
const MAX_PROPERTY_BYTES = 65_536

/** An answer in place of the response, from a filter. */
export interface LocalResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

/** How far a request is: what a filter may change. */
export const Stage = { REQUEST: 0, RESPONSE: 1, OVER: 2 } as const
export type Stage = (typeof Stage)[keyof typeof Stage]

/** The "stream context" of the ABI: one request in one filter. */
export class HttpContext {
  readonly kind = 'http'
  readonly id: number
  readonly root: RootContext
  readonly vm: Vm
  readonly session: GatewaySession
  stage: Stage = Stage.REQUEST
  /** The body as far as the guest may see it now. */
  requestBody: BodyBuffer | undefined = undefined
  responseBody: BodyBuffer | undefined = undefined
  responseTrailers: Headers | undefined = undefined
  /** Answers that this request waits for. */
  pendingCalls = 0
  /** The guest called `proxy_continue_stream` since it was called last. */
  requestContinued = false
  responseContinued = false
  /** The answer of `proxy_send_local_response`, once there is a response that it takes the place of. */
  localResponse: LocalResponse | undefined = undefined
  /** `wasm_process_req_body`, `wasm_process_resp_body` of APISIX: the whole body is wanted. */
  wantsRequestBody = false
  wantsResponseBody = false
  /** Held back by the guest, for as long as it wants more of it first. */
  requestHeld: Buffer | undefined = undefined
  responseHeld: Buffer | undefined = undefined
  /** The guest saw the end of the request body. */
  requestBodyDone = false
  /** The guest gets the response body when it is whole. */
  responseWhole = false
  /** The body of `localResponse` left. */
  localSent = false
  /** The machine failed: what is left of the request passes the filter by. */
  skipped = false
  private properties: Map<string, Buffer> | undefined = undefined
  private propertyBytes = 0
  private requestFields: FieldMap | undefined = undefined
  private responseFields: FieldMap | undefined = undefined
  private waiting: (() => void) | undefined = undefined
  private state: 'open' | 'lingering' | 'finished' = 'open'

  /** @throws VmFailure */
  constructor(root: RootContext, session: GatewaySession) {
    this.root = root
    this.vm = root.vm
    this.session = session
    this.id = root.vm.nextId()
    root.vm.contexts.set(this.id, this)
    root.opened()
    const { proxy_on_context_create: create } = root.vm.guest
    if (create !== undefined) this.vm.call(this, create, this.id, root.id)
  }

  /** A map of fields by its number in the ABI; undefined when there is none now. */
  fields(type: number): FieldMap | undefined {
    const { session, stage } = this
    switch (type) {
      case MapType.HTTP_REQUEST_HEADERS:
        if (this.requestFields?.writable !== (stage === Stage.REQUEST))
          this.requestFields = new FieldMap(
            session.request.headers,
            new RequestPseudoFields(session),
            stage === Stage.REQUEST,
          )
        return this.requestFields
      case MapType.HTTP_RESPONSE_HEADERS: {
        const { response } = session
        if (response === undefined || stage === Stage.REQUEST) return undefined
        const writable = stage === Stage.RESPONSE && !session.headSent
        if (this.responseFields?.writable !== writable)
          this.responseFields = new FieldMap(response.headers, new ResponsePseudoFields(response), writable)
        return this.responseFields
      }
      case MapType.HTTP_RESPONSE_TRAILERS:
        return this.responseTrailers && new FieldMap(this.responseTrailers, undefined, stage === Stage.RESPONSE)
      default:
        return undefined
    }
  }

  property(path: string): Buffer | undefined {
    return this.properties?.get(path)
  }

  /** @returns false when a limit is met */
  setProperty(path: string, value: Buffer): boolean {
    const properties = (this.properties ??= new Map<string, Buffer>())
    const known = properties.get(path)
    const bytes = this.propertyBytes + value.length - (known?.length ?? -path.length)
    if (bytes > MAX_PROPERTY_BYTES || (known === undefined && properties.size >= MAX_PROPERTIES)) return false
    this.propertyBytes = bytes
    properties.set(path, value)
    if (path === 'wasm_process_req_body') this.wantsRequestBody = value.length > 0
    else if (path === 'wasm_process_resp_body') this.wantsResponseBody = value.length > 0
    return true
  }

  /** Ends the wait of `held`. */
  wake(): void {
    this.waiting?.()
  }

  onVmFailure(): void {
    this.wake()
  }

  /** The request may go on, was answered, is over, the machine failed, or `ms` are over ('timeout'). */
  async held(ms: number): Promise<'woken' | 'timeout'> {
    const { session, vm } = this
    const settled = (): boolean =>
      this.requestContinued ||
      this.stage === Stage.OVER ||
      session.responded ||
      session.finishedAt !== 0 ||
      vm.failure !== undefined
    if (settled()) return 'woken'
    let timer: NodeJS.Timeout | undefined
    const result = await new Promise<'woken' | 'timeout'>((resolve) => {
      timer = setTimeout(() => resolve('timeout'), ms)
      this.waiting = () => {
        if (settled()) resolve('woken')
      }
    })
    clearTimeout(timer)
    this.waiting = undefined
    return result
  }

  /** The request is over. */
  end(): void {
    if (this.state !== 'open') return
    this.stage = Stage.OVER
    this.requestBody = undefined
    this.responseBody = undefined
    this.wake()
    const { proxy_on_done: done } = this.vm.guest
    if (done !== undefined && this.vm.failure === undefined && this.tell(done) === 0) {
      this.state = 'lingering'
      this.root.linger(this)
      return
    }
    this.finish()
  }

  /** `proxy_done`. @returns false when nobody waits for it */
  done(): boolean {
    if (this.state !== 'lingering') return false
    // The guest is running: it is told when it has returned.
    setImmediate(() => this.finish())
    return true
  }

  finish(): void {
    if (this.state === 'finished') return
    this.state = 'finished'
    const { proxy_on_log: log, proxy_on_delete: remove } = this.vm.guest
    if (log !== undefined) this.tell(log)
    if (remove !== undefined) this.tell(remove)
    this.root.closed(this)
  }

  /** A call whose failure changes nothing for the request. */
  private tell(callback: (...numbers: number[]) => unknown): number {
    if (this.vm.failure !== undefined) return 1
    try {
      return this.vm.call(this, callback, this.id)
    } catch (error) {
      if (!(error instanceof VmFailure)) throw error
      this.root.settings.onFailure(error)
      return 1
    }
  }
}
