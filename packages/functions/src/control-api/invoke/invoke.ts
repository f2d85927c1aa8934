import type { Headers } from '@sekisho/wire'
import type { EventQueue } from '../../async/event-queue.ts'
import type { FunctionCatalog, ResolvedFunction } from '../../catalog/function-catalog.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Invocation } from '../../engine/invocation.ts'
import type { HttpReply, HttpRequest } from '../../http/http-exchange.ts'
import { invalidParameter, ServiceError } from '../../model/service-error.ts'
import { StateUnavailable } from '../../state/state-error.ts'
import { answerHeaders, JSON_TYPE } from '../answer-headers.ts'
import { sendError } from '../error-answer.ts'
import { traceIdOf } from '../request-ids.ts'
import { BufferedReply } from './buffered-reply.ts'
import { invokedName, qualifierOf } from './invoke-path.ts'
import { clientContextOf, eventOf, MAX_EVENT_PAYLOAD_BYTES, payloadTooLarge, tenantIdOf } from './payload.ts'
import { StreamReply } from './stream-reply.ts'

/** What Invoke needs of the platform. */
export interface InvokeTargets {
  readonly catalog: FunctionCatalog
  readonly engine: Engine
  readonly events: EventQueue
}

/** Invoke and InvokeWithResponseStream: the hot path of the control API. */
export class Invoke {
  private readonly catalog: FunctionCatalog
  private readonly engine: Engine
  private readonly events: EventQueue
  private readonly onFailure: (error: unknown) => void

  /** @param onFailure told what nobody expected */
  constructor({ catalog, engine, events }: InvokeTargets, onFailure: (error: unknown) => void) {
    this.catalog = catalog
    this.engine = engine
    this.events = events
    this.onFailure = onFailure
  }

  /**
   * Throws ServiceError before anything has been started.
   * @param streaming InvokeWithResponseStream
   * @param cors lines of every answer, for the web page that asked
   */
  handle(
    request: HttpRequest,
    reply: HttpReply,
    requestId: string,
    streaming: boolean,
    cors: Headers | undefined,
  ): void {
    const { headers } = request
    const name = invokedName(request.path)
    if (name === undefined) throw invalidParameter(`The path names no function: ${request.path}`)
    const qualifier = qualifierOf(request.query)
    const type = headers.get('x-amz-invocation-type') ?? 'RequestResponse'
    if (type !== 'RequestResponse' && type !== 'DryRun' && (type !== 'Event' || streaming))
      throw badType(type, streaming)

    const resolved = this.catalog.resolve(name, qualifier)
    const payload = eventOf(request.body)
    const invocation: Invocation = {
      requestId,
      function: resolved.function,
      invokedArn: resolved.invokedArn,
      payload,
      traceId: traceIdOf(headers.get('x-amzn-trace-id'), requestId),
      clientContext: clientContextOf(headers.get('x-amz-client-context')),
      cognitoIdentity: undefined,
      tenantId: tenantIdOf(headers.get('x-amz-tenant-id')),
      tail: headers.get('x-amz-log-type') === 'Tail' && type === 'RequestResponse',
    }
    if (type === 'DryRun') reply.send(204, answerHeaders(JSON_TYPE, requestId, cors), '')
    else if (type === 'Event') this.enqueue(invocation, qualifierOfArn(resolved), reply, cors)
    else this.run(resolved, invocation, reply, streaming, cors)
  }

  private run(
    resolved: ResolvedFunction,
    invocation: Invocation,
    reply: HttpReply,
    streaming: boolean,
    cors: Headers | undefined,
  ): void {
    const unpacking = this.catalog.prepare(resolved)
    if (unpacking === undefined) this.start(invocation, reply, streaming, cors)
    else {
      unpacking.then(
        () => this.start(invocation, reply, streaming, cors),
        (error: unknown) => this.fail(error, reply, invocation.requestId, cors),
      )
    }
  }

  private start(invocation: Invocation, reply: HttpReply, streaming: boolean, cors: Headers | undefined): void {
    const { requestId, function: fn, traceId } = invocation
    if (!streaming) {
      this.engine.invoke(invocation, new BufferedReply(reply, requestId, fn.version, traceId ?? '', cors))
      return
    }
    const sink = new StreamReply(reply, requestId, fn.version, cors)
    sink.running = this.engine.invoke(invocation, sink)
  }

  private enqueue(
    invocation: Invocation,
    qualifier: string | undefined,
    reply: HttpReply,
    cors: Headers | undefined,
  ): void {
    const { requestId, function: fn, payload, invokedArn, traceId, clientContext, tenantId } = invocation
    if (payload.length > MAX_EVENT_PAYLOAD_BYTES) throw payloadTooLarge('Event', payload.length)
    const event = { requestId, functionName: fn.name, qualifier, invokedArn, payload, traceId, clientContext, tenantId }
    this.events.enqueue(event).then(
      () => {
        const headers = answerHeaders(JSON_TYPE, requestId, cors)
        headers.append('X-Amzn-Trace-Id', traceId ?? '')
        headers.appendUnchecked('x-amzn-Remapped-Content-Length', '0')
        reply.send(202, headers, '')
      },
      (error: unknown) => this.fail(error, reply, requestId, cors),
    )
  }

  private fail(error: unknown, reply: HttpReply, requestId: string, cors: Headers | undefined): void {
    if (!(error instanceof ServiceError)) this.onFailure(error)
    sendError(reply, asServiceError(error), requestId, cors)
  }
}

/** What was named behind the function, in the ARN as invoked. */
function qualifierOfArn({ function: fn, invokedArn }: ResolvedFunction): string | undefined {
  return invokedArn.length > fn.arn.length ? invokedArn.slice(fn.arn.length + 1) : undefined
}

const badType = (type: string, streaming: boolean): ServiceError =>
  new ServiceError(
    'ValidationException',
    400,
    `1 validation error detected: Value '${type}' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [${streaming ? '' : 'Event, '}RequestResponse, DryRun]`,
  )

/** Whatever was thrown as an answer; what nobody expected says nothing of itself to clients. */
export function asServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  if (error instanceof StateUnavailable) return new ServiceError('ServiceException', 503, error.message)
  return new ServiceError('ServiceException', 500, 'An error occurred and the request cannot be processed.')
}
