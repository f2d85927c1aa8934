import { ProxyError } from '@sekisho/proxy'
import type { ResponseHead } from '@sekisho/wire'
import { isPause, MapType } from './abi.ts'
import { BodyBuffer } from './body-buffer.ts'
import type { FieldMap } from './field-map.ts'
import { type FilterOptions, NOTHING } from './http-filter.ts'
import type { HttpContext } from './http-context.ts'
import { override } from './response-override.ts'
import { VmFailure } from './vm-failure.ts'

/** The way of a response through a filter. Nothing can wait here: what is held up at the end of the body is a failure of the filter. */
export class ResponseBodies {
  private readonly options: FilterOptions

  constructor(options: FilterOptions) {
    this.options = options
  }

  begin(context: HttpContext, response: ResponseHead): void {
    const { session, vm } = context
    const { proxy_on_response_headers: onHeaders } = vm.guest
    const bodyless = hasNoBody(session.request.method, response)
    let paused = false
    if (onHeaders !== undefined) {
      const { size } = context.fields(MapType.HTTP_RESPONSE_HEADERS) as FieldMap
      context.responseContinued = false
      const action = vm.call(context, onHeaders, context.id, size, bodyless ? 1 : 0)
      paused = isPause(action) && !context.responseContinued
    }
    if (context.localResponse !== undefined) {
      override(context, response, context.localResponse)
      return
    }
    if (bodyless) {
      if (paused) throw heldAtEnd()
      return
    }
    context.responseWhole = context.wantsResponseBody || this.options.responseBody === 'buffer'
    if (paused || context.responseWhole) session.holdResponse(this.options.maxResponseBody)
  }

  filter(context: HttpContext, chunk: Uint8Array, end: boolean): Uint8Array | undefined {
    if (context.localResponse !== undefined) return this.local(context)
    const { session, vm } = context
    const { proxy_on_response_body: onBody, proxy_on_response_trailers: onTrailers } = vm.guest
    const held = context.responseHeld
    const bytes = held === undefined ? chunk : Buffer.concat([held, chunk])
    const trailers = end && session.trailers !== undefined && session.trailers.size > 0 ? session.trailers : undefined
    if (trailers !== undefined) context.responseTrailers = trailers
    const body = new BodyBuffer(bytes, this.options.maxResponseBody)
    let paused = !end && context.responseWhole
    const seesBody = onBody !== undefined && this.options.responseBody !== 'skip' && !paused
    const last = end && (trailers === undefined || onTrailers === undefined)
    if (seesBody && (bytes.length > 0 || last)) {
      context.responseBody = body
      context.responseContinued = false
      const action = vm.call(context, onBody, context.id, bytes.length, last ? 1 : 0)
      context.responseBody = undefined
      paused = isPause(action) && !context.responseContinued
    }
    if (trailers !== undefined && onTrailers !== undefined && context.localResponse === undefined) {
      context.responseBody = body
      context.responseContinued = false
      const action = vm.call(context, onTrailers, context.id, trailers.size)
      context.responseBody = undefined
      paused = isPause(action) && !context.responseContinued
    }
    if (context.localResponse !== undefined) return this.localFromBody(context)
    if (!paused) {
      context.responseHeld = undefined
      return body.modified || held !== undefined ? body.bytes : undefined
    }
    if (body.bytes.length > this.options.maxResponseBody) {
      const limit = this.options.maxResponseBody
      throw new ProxyError('BODY_TOO_LARGE', 'upstream', 502, `a filter holds back more than ${limit} bytes`)
    }
    if (end) throw heldAtEnd()
    context.responseHeld = Buffer.from(body.bytes)
    return NOTHING
  }

  private localFromBody(context: HttpContext): Uint8Array {
    const { session, localResponse } = context
    if (session.response === undefined || localResponse === undefined) return NOTHING
    override(context, session.response, localResponse)
    return this.local(context)
  }

  /** The body of an answer in place of the response: once. */
  private local(context: HttpContext): Uint8Array {
    context.responseHeld = undefined
    if (context.localSent) return NOTHING
    context.localSent = true
    return context.localResponse?.body ?? NOTHING
  }
}

const heldAtEnd = (): VmFailure =>
  new VmFailure('the filter holds the response up at its end; a response cannot wait for what comes later')

const hasNoBody = (method: string, { status, headers }: ResponseHead): boolean =>
  method === 'HEAD' || status === 204 || status === 304 || headers.get('content-length') === '0'
