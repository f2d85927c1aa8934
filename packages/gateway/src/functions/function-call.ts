import { ProxyError, type RequestHead, type ResponseHead, type ResponseTranslator } from '@sekisho/proxy'
import { failureAnswer, type FunctionFailure } from '@sekisho/functions/events'
import type { GatewaySession } from '../session.ts'
import type { UpstreamTarget } from '../upstreams/upstream-target.ts'
import { answerHead } from './answer-head.ts'
import { BufferedAnswer } from './buffered-answer.ts'
import type { FunctionTarget } from './function-target.ts'
import { newRequestId } from './request-ids.ts'
import { StreamedAnswer } from './streamed-answer.ts'
import type { UpstreamCall } from './upstream-call.ts'

/** One request that a function answers. */
export class FunctionCall implements UpstreamCall {
  readonly upstream: UpstreamTarget
  private readonly target: FunctionTarget
  readonly requestId = newRequestId()
  private body: Uint8Array = NOTHING
  /** The client's, whatever becomes of the request. */
  private accept: string | undefined = undefined

  constructor(target: FunctionTarget) {
    this.target = target
    this.upstream = target.upstream
  }

  /** Before the way to the upstream: reads the body, if there is one. */
  begin(session: GatewaySession): Promise<void> | undefined {
    if (session.request.bodyLength === 0) return undefined
    return session.readBody(this.target.maxBodyBytes).then((body) => {
      this.body = body
    })
  }

  /** Turns what would leave for an upstream into a call. */
  apply(session: GatewaySession, request: RequestHead): void {
    const { target } = this
    this.accept = request.headers.get('accept')
    const payload = target.events.make(session, request, this.body, this.requestId)
    if (payload.length > target.maxEventBytes) {
      throw new ProxyError(
        'BODY_TOO_LARGE',
        'downstream',
        413,
        `the event is larger than ${target.maxEventBytes} bytes`,
      )
    }
    const traceId = request.headers.get('x-amzn-trace-id')
    request.method = 'POST'
    request.target = target.invoke.path
    request.upgrade = false
    target.invoke.writeHeaders(request.headers, payload, traceId)
    session.replaceBody(payload)
    session.translateResponse(this.translator())
  }

  /** No answer came of it: the client gets what AWS would answer. */
  failed(session: GatewaySession, error: ProxyError): void {
    const failure = failureOf(error)
    if (failure === undefined) return
    this.target.log.failed(this.target.invoke.name, failure, error.message)
    const { status, headers, body } = failureAnswer(this.target.events.format, failure)
    session.respond(status, body, Object.fromEntries(headers))
  }

  private translator(): ResponseTranslator {
    const { target, requestId } = this
    const { format, binaryTypes } = target.events
    const how = { format, requestId, binaryTypes, accept: this.accept, queued: target.queued }
    const onFailure = (failure: FunctionFailure, detail: string): void =>
      target.log.failed(target.invoke.name, failure, detail)
    return target.invoke.streams ? new StreamedAnswer(how, onFailure) : new BufferedAnswer(how, onFailure)
  }
}

const NOTHING = new Uint8Array(0)

/** undefined: it is no failure of the function, and answered as any other. */
function failureOf({ code, source, status }: ProxyError): FunctionFailure | undefined {
  if (code === 'BODY_TOO_LARGE' && source === 'downstream') return 'too-large'
  if (source !== 'upstream') return undefined
  return status === 504 ? 'timeout' : 'unreachable'
}

/** The head and body of a failure. */
export function failedHead(
  how: { readonly format: FunctionTarget['events']['format']; readonly requestId: string },
  failure: FunctionFailure,
  date: string | undefined,
): { head: ResponseHead; body: Buffer } {
  const answer = failureAnswer(how.format, failure)
  return { head: answerHead(answer, { ...how, date }, answer.body.length), body: answer.body }
}
