import { Headers, type RequestHead } from '@sekisho/wire'
import type { HttpHandler, HttpReply, HttpRequest } from '../http/http-exchange.ts'
import { ServiceError } from '../model/service-error.ts'
import { answerHeaders, JSON_TYPE } from './answer-headers.ts'
import { BrowserGuard, type BrowserAccess } from './browser-guard.ts'
import { invokeCors, invokePreflight } from './invoke-cors.ts'
import { sendError } from './error-answer.ts'
import { asServiceError, Invoke, type InvokeTargets } from './invoke/invoke.ts'
import { invokeAsyncOperation } from './invoke/invoke-async.ts'
import { isInvokePath, isStreamingPath } from './invoke/invoke-path.ts'
import { MAX_EVENT_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, payloadTooLarge } from './invoke/payload.ts'
import type { ApiAnswer, Operation } from './operation.ts'
import { newRequestId } from './request-ids.ts'
import { namedLabels, RouteTable, type RoutedOperation } from './route-table.ts'
import { checkSignature, type AccessKeys } from './signature-check.ts'
import type { Surface } from './surface.ts'

/** Function URLs, told by the host of a request before anything else is looked at, or by its path. */
export interface UrlSurface {
  servesHost(host: string): boolean
  servesPath(path: string): boolean
  readonly maxBodyBytes: number
  handle(request: HttpRequest, reply: HttpReply, requestId: string): void
}

export interface ControlApiOptions extends InvokeTargets {
  readonly operations: readonly Operation[]
  readonly urls: UrlSurface | undefined
  readonly surfaces: readonly Surface[]
  readonly region: string
  /** Signatures are verified with these; undefined: any signature is accepted, and none. */
  readonly accessKeys: AccessKeys | undefined
  readonly browser: BrowserAccess
  /** Told what nobody expected; clients only learn that something went wrong. */
  readonly onFailure: (error: unknown, operation: string) => void
}

/** 1 MiB: what a body may have unless its operation says otherwise. */
const MAX_BODY_BYTES = 1_048_576

/** The control API as AWS's SDKs, CLI and Terraform speak it, and what else is served on its port. */
export class ControlApi implements HttpHandler {
  private readonly options: ControlApiOptions
  private readonly routes: RouteTable
  private readonly guard: BrowserGuard
  private readonly invoke: Invoke

  /** Throws for operations that no request could tell apart. */
  constructor(options: ControlApiOptions) {
    this.options = options
    this.routes = new RouteTable([...options.operations, invokeAsyncOperation(options)])
    this.guard = new BrowserGuard(options.browser)
    this.invoke = new Invoke(options, (error) => options.onFailure(error, 'Invoke'))
  }

  maxBodyBytes(head: RequestHead): number {
    const { path } = head
    if (isInvokePath(path)) {
      return head.headers.get('x-amz-invocation-type') === 'Event' ? MAX_EVENT_PAYLOAD_BYTES : MAX_PAYLOAD_BYTES
    }
    if (isStreamingPath(path)) return MAX_PAYLOAD_BYTES
    const { urls } = this.options
    if (urls !== undefined && (urls.servesHost(head.host) || urls.servesPath(path))) return urls.maxBodyBytes
    const routed = this.routes.find(head.method, path, head.query)
    if (typeof routed === 'object') return routed.operation.operation.maxBodyBytes ?? MAX_BODY_BYTES
    return this.surfaceOf(head.method, path, head.headers)?.maxBodyBytes ?? MAX_BODY_BYTES
  }

  handle(request: HttpRequest, reply: HttpReply): void {
    const requestId = newRequestId()
    try {
      this.dispatch(request, reply, requestId)
    } catch (error) {
      this.fail(error, reply, requestId, request.path)
    }
  }

  /** The body was larger than it may be, or broke off. */
  refuse(head: RequestHead, status: number, reply: HttpReply): void {
    sendError(reply, this.refusal(head, status), newRequestId())
  }

  private dispatch(request: HttpRequest, reply: HttpReply, requestId: string): void {
    const { host, path, headers, method } = request
    const { urls } = this.options
    if (urls !== undefined && urls.servesHost(host)) {
      urls.handle(request, reply, requestId)
      return
    }
    const hostProblem = this.guard.hostProblem(host)
    if (hostProblem !== undefined) throw forbidden(hostProblem)
    if (urls !== undefined && urls.servesPath(path)) {
      urls.handle(request, reply, requestId)
      return
    }
    const originProblem = this.guard.originProblem(headers)
    if (originProblem !== undefined) throw forbidden(originProblem)

    const streaming = isStreamingPath(path)
    if (streaming || isInvokePath(path)) this.invokeFunction(request, reply, requestId, streaming)
    else {
      const routed = this.routes.find(method, path, request.query)
      if (routed === undefined) this.serveOther(request, reply, requestId)
      else if (typeof routed === 'string') throw badLabel(routed)
      else this.operate(routed, request, reply, requestId)
    }
  }

  private invokeFunction(request: HttpRequest, reply: HttpReply, requestId: string, streaming: boolean): void {
    const cors = invokeCors(request.headers)
    if (request.method === 'OPTIONS' && cors !== undefined) invokePreflight(request, reply, cors)
    else if (request.method !== 'POST') throw unknownOperation(request)
    else {
      this.checkSignature(request)
      try {
        this.invoke.handle(request, reply, requestId, streaming, cors)
      } catch (error) {
        this.fail(error, reply, requestId, 'Invoke', cors)
      }
    }
  }

  private operate(routed: RoutedOperation, request: HttpRequest, reply: HttpReply, requestId: string): void {
    this.checkSignature(request)
    const { operation } = routed.operation
    const { headers, body, host } = request
    const answer = operation.handle({
      labels: namedLabels(routed),
      query: new URLSearchParams(request.query),
      headers,
      body,
      origin: `http://${host}`,
    })
    if (!(answer instanceof Promise)) sendAnswer(reply, answer, requestId)
    else {
      answer.then(
        (ready) => sendAnswer(reply, ready, requestId),
        (error: unknown) => this.fail(error, reply, requestId, operation.name),
      )
    }
  }

  private serveOther(request: HttpRequest, reply: HttpReply, requestId: string): void {
    const surface = this.surfaceOf(request.method, request.path, request.headers)
    if (surface === undefined) throw unknownOperation(request)
    if (surface.signed) this.checkSignature(request)
    surface.handle(request, reply, requestId)
  }

  private surfaceOf(method: string, path: string, headers: Headers): Surface | undefined {
    return this.options.surfaces.find((surface) => surface.serves(method, path, headers))
  }

  private checkSignature(request: HttpRequest): void {
    const { accessKeys, region } = this.options
    if (accessKeys !== undefined) checkSignature(request, accessKeys, region)
  }

  private fail(error: unknown, reply: HttpReply, requestId: string, operation: string, cors?: Headers): void {
    if (!(error instanceof ServiceError)) this.options.onFailure(error, operation)
    sendError(reply, asServiceError(error), requestId, cors)
  }

  private refusal(head: RequestHead, status: number): ServiceError {
    if (status !== 413) return new ServiceError('ValidationException', status, 'The request body is malformed.')
    const { path, method, query, bodyLength } = head
    if (isInvokePath(path)) {
      return payloadTooLarge(head.headers.get('x-amz-invocation-type'), bodyLength > 0 ? bodyLength : undefined)
    }
    if (isStreamingPath(path)) return payloadTooLarge(undefined, undefined)
    const routed = this.routes.find(method, path, query)
    const name = typeof routed === 'object' ? ` for the ${routed.operation.operation.name} operation` : ''
    const message = `Request must be smaller than ${this.maxBodyBytes(head)} bytes${name}`
    return new ServiceError('RequestEntityTooLargeException', 413, message)
  }
}

function sendAnswer(reply: HttpReply, { status, body, headers }: ApiAnswer, requestId: string): void {
  const lines = answerHeaders(JSON_TYPE, requestId)
  if (headers !== undefined) for (const name of Object.keys(headers)) lines.append(name, headers[name])
  reply.send(status, lines, body === undefined ? '' : JSON.stringify(body))
}

const forbidden = (message: string): ServiceError => new ServiceError('AccessDeniedException', 403, message)

const badLabel = (label: string): ServiceError =>
  new ServiceError('ValidationException', 400, `The path is not percent-encoded as it should be near '${label}'`)

const unknownOperation = ({ method, path }: HttpRequest): ServiceError =>
  new ServiceError('UnknownOperationException', 404, `No operation is ${method} ${path}`)
