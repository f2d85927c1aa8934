import { ProxyError } from '@sekisho/proxy'
import type { PluginHooks } from '../plugins/definition.ts'
import type { GatewaySession } from '../session.ts'
import { isPause } from './abi.ts'
import { BodyBuffer } from './body-buffer.ts'
import { type HttpContext, Stage } from './http-context.ts'
import type { PluginRoot } from './plugin-root.ts'
import { RequestHold } from './request-hold.ts'
import { ResponseBodies } from './response-bodies.ts'
import { localAnswer } from './response-override.ts'
import { VmFailure } from './vm-failure.ts'

/** What a filter gets of a body: pieces as they come, all of it at once, or nothing. */
export type BodyMode = 'stream' | 'buffer' | 'skip'

export interface FilterOptions {
  /** Phase in which it sees the request's head. */
  readonly phase: 'rewrite' | 'access'
  /** A filter that fails: requests are refused, or pass it by. */
  readonly failsOpen: boolean
  readonly requestBody: BodyMode
  readonly responseBody: BodyMode
  /** Bytes of a body that a filter may hold back. */
  readonly maxRequestBody: number
  readonly maxResponseBody: number
  /** A filter may hold a request up for so long. */
  readonly maxPauseMs: number
}

export const NOTHING = new Uint8Array(0)

/** Filters are told apart by a number: a request may pass several. */
let lastFilter = 0

/** The hooks that put a filter into the way of requests. */
export function filterHooks(root: PluginRoot, options: FilterOptions, close: () => void): PluginHooks {
  const key = `wasm ${++lastFilter}`
  const { functions } = root.shared.module
  const filter = new HttpFilter(root, options, key)
  const filtersRequest = functions.has('proxy_on_request_body') && options.requestBody === 'stream'
  const filtersResponse = ['proxy_on_response_headers', 'proxy_on_response_body', 'proxy_on_response_trailers'].some(
    (name) => functions.has(name),
  )
  return {
    [options.phase]: (session: GatewaySession) => filter.begin(session),
    requestBody: filtersRequest ? (session, chunk, end) => filter.onRequestBody(session, chunk, end) : undefined,
    headerFilter: filtersResponse ? (session) => filter.onResponse(session) : undefined,
    bodyFilter: filtersResponse ? (session, chunk, end) => filter.onResponseBody(session, chunk, end) : undefined,
    log: (session) => session.ctx.getState<HttpContext>(key)?.end(),
    dispose: close,
  }
}

class HttpFilter {
  private readonly root: PluginRoot
  private readonly options: FilterOptions
  private readonly key: string
  private readonly hold: RequestHold
  private readonly bodies: ResponseBodies

  constructor(root: PluginRoot, options: FilterOptions, key: string) {
    this.root = root
    this.options = options
    this.key = key
    this.hold = new RequestHold(options)
    this.bodies = new ResponseBodies(options)
  }

  begin(session: GatewaySession): Promise<void> | undefined {
    const context = this.root.open(session)
    if (context instanceof VmFailure) {
      if (!this.options.failsOpen) refuse(session)
      return undefined
    }
    session.ctx.setState(this.key, context)
    const hasBody = session.request.bodyLength !== 0
    try {
      const { proxy_on_request_headers: onHeaders } = context.vm.guest
      let paused = false
      if (onHeaders !== undefined) {
        const { size } = context.fields(0) as NonNullable<ReturnType<HttpContext['fields']>>
        const action = context.vm.call(context, onHeaders, context.id, size, hasBody ? 0 : 1)
        paused = isPause(action) && !context.requestContinued
      }
      if (session.responded) return undefined
      const wantsBody = hasBody && (context.wantsRequestBody || this.options.requestBody === 'buffer')
      if (!paused && !wantsBody) return undefined
      return this.hold.wait(context, paused, wantsBody, (failure) => this.failed(context, failure))
    } catch (error) {
      this.failed(context, error)
      return undefined
    }
  }

  onRequestBody(session: GatewaySession, chunk: Uint8Array, end: boolean): Uint8Array | undefined {
    const context = this.live(session)
    if (context === undefined || context.requestBodyDone) return undefined
    const held = context.requestHeld
    const bytes = held === undefined ? chunk : Buffer.concat([held, chunk])
    try {
      const body = new BodyBuffer(bytes, this.options.maxRequestBody)
      const paused = callRequestBody(context, body, end)
      if (end) context.requestBodyDone = true
      if (session.responded) return NOTHING
      if (!paused) {
        context.requestHeld = undefined
        return body.modified || held !== undefined ? body.bytes : undefined
      }
      if (end)
        throw new VmFailure('the filter holds the request body up at its end: "request_body: buffer" lets it wait')
      if (body.bytes.length > this.options.maxRequestBody) {
        const limit = this.options.maxRequestBody
        throw new ProxyError('BODY_TOO_LARGE', 'downstream', 413, `a filter holds back more than ${limit} bytes`)
      }
      context.requestHeld = Buffer.from(body.bytes)
      return NOTHING
    } catch (error) {
      if (!(error instanceof VmFailure)) throw error
      this.report(context, error)
      context.requestHeld = undefined
      if (this.options.failsOpen) return bytes
      if (session.headSent) throw error
      refuse(session)
      return NOTHING
    }
  }

  onResponse(session: GatewaySession): void {
    const context = this.live(session)
    const { response } = session
    if (context === undefined || response === undefined) return
    if (context.stage === Stage.RESPONSE) {
      // The response failed, and an answer of the gateway takes its place: a filter sees one response.
      context.skipped = true
      context.localResponse = undefined
      return
    }
    context.stage = Stage.RESPONSE
    try {
      this.bodies.begin(context, response)
    } catch (error) {
      if (!(error instanceof VmFailure)) throw error
      this.report(context, error)
      if (!this.options.failsOpen) localAnswer(context, response, UNAVAILABLE)
    }
  }

  onResponseBody(session: GatewaySession, chunk: Uint8Array, end: boolean): Uint8Array | undefined {
    const context = session.ctx.getState<HttpContext>(this.key)
    if (context === undefined || context.stage !== Stage.RESPONSE) return undefined
    if (context.localResponse === undefined && context.skipped) return undefined
    const held = context.responseHeld
    try {
      return this.bodies.filter(context, chunk, end)
    } catch (error) {
      if (!(error instanceof VmFailure)) throw error
      this.report(context, error)
      context.responseHeld = undefined
      if (this.options.failsOpen) return held === undefined ? undefined : Buffer.concat([held, chunk])
      const { response } = session
      if (session.headSent || response === undefined) throw error
      localAnswer(context, response, UNAVAILABLE)
      return this.bodies.filter(context, chunk, end)
    }
  }

  /** The context of a request, unless it passes the filter by. */
  private live(session: GatewaySession): HttpContext | undefined {
    const context = session.ctx.getState<HttpContext>(this.key)
    return context === undefined || context.skipped ? undefined : context
  }

  /** Before anything went to the upstream. */
  private failed(context: HttpContext, error: unknown): void {
    if (!(error instanceof VmFailure)) throw error
    this.report(context, error)
    if (!this.options.failsOpen) refuse(context.session)
  }

  private report(context: HttpContext, failure: VmFailure): void {
    context.skipped = true
    this.root.report(failure)
  }
}

/** @returns whether the guest holds the body up */
export function callRequestBody(context: HttpContext, body: BodyBuffer, end: boolean): boolean {
  const { proxy_on_request_body: onBody } = context.vm.guest
  if (onBody === undefined || (body.bytes.length === 0 && !end)) return false
  context.requestBody = body
  context.requestContinued = false
  const action = context.vm.call(context, onBody, context.id, body.bytes.length, end ? 1 : 0)
  context.requestBody = undefined
  return isPause(action) && !context.requestContinued
}

/** What clients are told of a filter that failed: nothing of why. */
const UNAVAILABLE = { status: 503, body: JSON.stringify({ error_msg: 'a filter failed' }) } as const

const refuse = (session: GatewaySession): void => session.respond(UNAVAILABLE.status, { error_msg: 'a filter failed' })
