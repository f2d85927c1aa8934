import type { Headers } from '@sekisho/wire'
import type { FunctionCatalog, FunctionUrl, ResolvedFunction } from '../catalog/function-catalog.ts'
import { answerHeaders, JSON_TYPE } from '../control-api/answer-headers.ts'
import { hostName } from '../control-api/browser-guard.ts'
import type { UrlSurface } from '../control-api/control-api.ts'
import { sendError } from '../control-api/error-answer.ts'
import { asServiceError } from '../control-api/invoke/invoke.ts'
import { MAX_PAYLOAD_BYTES } from '../control-api/invoke/payload.ts'
import { traceIdOf } from '../control-api/request-ids.ts'
import type { AccessKeys } from '../control-api/signature-check.ts'
import type { Engine } from '../engine/engine.ts'
import type { Invocation } from '../engine/invocation.ts'
import { functionUrlEvent } from '../events/index.ts'
import type { HttpReply, HttpRequest } from '../http/http-exchange.ts'
import { ServiceError } from '../model/service-error.ts'
import { checkUrlAccess } from './url-access.ts'
import { urlCors, urlPreflight } from './url-cors.ts'
import { isUrlHost, isUrlPath, urlOfHost, urlOfPath, type NamedUrl } from './url-path.ts'
import { UrlReply } from './url-reply.ts'
import { UrlStreamReply } from './url-stream-reply.ts'

export interface FunctionUrlsOptions {
  readonly catalog: FunctionCatalog
  readonly engine: Engine
  readonly region: string
  readonly account: string
  /** Of the control API. */
  readonly accessKeys: AccessKeys | undefined
  /** Told of functions that answer what is no answer in HTTP. */
  readonly onMalformed: (functionName: string, problem: string) => void
  /** Milliseconds since 1970. */
  readonly wall?: () => number
}

/** Serves function URLs: `https://<id>.lambda-url.…/`, and on any host `/lambda-url/<id or name>/`. */
export class FunctionUrls implements UrlSurface {
  readonly maxBodyBytes = MAX_PAYLOAD_BYTES
  readonly servesHost = isUrlHost
  readonly servesPath = isUrlPath
  private readonly options: FunctionUrlsOptions

  constructor(options: FunctionUrlsOptions) {
    this.options = options
  }

  /** Throws ServiceError before anything has been answered. */
  handle(request: HttpRequest, reply: HttpReply, requestId: string): void {
    const named = isUrlHost(request.host) ? urlOfHost(request.host, request.path) : urlOfPath(request.path)
    const url = named === undefined ? undefined : this.urlOf(named.name)
    if (named === undefined || url === undefined) {
      sendNoUrl(reply, requestId)
      return
    }
    const { headers } = request
    const origin = headers.get('origin')
    const cors = url.cors === undefined || origin === undefined ? undefined : urlCors(url.cors, origin)
    if (url.cors !== undefined && isPreflight(request)) {
      const lines = answerHeaders(JSON_TYPE, requestId, urlPreflight(url.cors, headers))
      reply.send(200, lines, '')
      return
    }
    try {
      this.invoke(url, named, request, reply, requestId, cors)
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      sendError(reply, error, requestId, cors)
    }
  }

  private urlOf(name: string): FunctionUrl | undefined {
    const { catalog } = this.options
    try {
      return catalog.urlById(name) ?? catalog.urlOf(name)
    } catch (error) {
      // What is no name at all has no URL either.
      if (error instanceof ServiceError) return undefined
      throw error
    }
  }

  private invoke(
    url: FunctionUrl,
    named: NamedUrl,
    request: HttpRequest,
    reply: HttpReply,
    requestId: string,
    cors: Headers | undefined,
  ): void {
    const { catalog, accessKeys, region } = this.options
    const accessKey = checkUrlAccess(url, request, catalog, accessKeys, region)
    const resolved = catalog.resolve(url.functionName, url.qualifier)
    const payload = this.payload(url, named, request, requestId, accessKey)
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw new ServiceError('RequestEntityTooLargeException', 413, 'Request Entity Too Large')
    }
    const invocation: Invocation = {
      requestId,
      function: resolved.function,
      invokedArn: resolved.invokedArn,
      payload,
      traceId: traceIdOf(request.headers.get('x-amzn-trace-id'), requestId),
      clientContext: undefined,
      cognitoIdentity: undefined,
      tenantId: undefined,
      tail: false,
    }
    this.run(url, resolved, invocation, reply, cors)
  }

  private run(
    url: FunctionUrl,
    resolved: ResolvedFunction,
    invocation: Invocation,
    reply: HttpReply,
    cors: Headers | undefined,
  ): void {
    const { catalog, engine, onMalformed } = this.options
    const { requestId } = invocation
    const malformed = (problem: string): void => onMalformed(url.functionName, problem)
    const start = (): void => {
      if (url.invokeMode === 'BUFFERED') {
        engine.invoke(invocation, new UrlReply(reply, requestId, cors, malformed))
      } else {
        const sink = new UrlStreamReply(reply, requestId, cors, malformed)
        sink.running = engine.invoke(invocation, sink)
      }
    }
    const unpacking = catalog.prepare(resolved)
    if (unpacking === undefined) start()
    else unpacking.then(start, (error: unknown) => sendError(reply, asServiceError(error), requestId, cors))
  }

  private payload(
    url: FunctionUrl,
    named: NamedUrl,
    request: HttpRequest,
    requestId: string,
    accessKey: string | undefined,
  ): Buffer {
    const { method, query, body, remoteAddress, host } = request
    const event = functionUrlEvent(
      {
        method,
        path: named.path,
        query,
        headers: forwardedHeaders(request),
        body,
        sourceIp: remoteAddress,
        protocol: 'HTTP/1.1',
        domainName: hostName(host),
      },
      {
        accountId: accessKey === undefined ? 'anonymous' : this.options.account,
        urlId: url.id,
        requestId,
        timeMs: (this.options.wall ?? Date.now)(),
        accessKey,
      },
    )
    return Buffer.from(JSON.stringify(event))
  }
}

/** The client's fields without those of the connection, and where it comes from. */
function* forwardedHeaders({ headers, remoteAddress, host }: HttpRequest): Generator<[string, string]> {
  for (const [name, value] of headers) {
    if (!NOT_FORWARDED.has(name.toLowerCase())) yield [name, value]
  }
  yield ['x-forwarded-for', remoteAddress]
  yield ['x-forwarded-proto', 'http']
  yield ['x-forwarded-port', /:(\d+)$/.exec(host)?.[1] ?? '80']
}

const NOT_FORWARDED = new Set([
  'connection',
  'expect',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
  'x-forwarded-for',
  'x-forwarded-port',
  'x-forwarded-proto',
])

const isPreflight = ({ method, headers }: HttpRequest): boolean =>
  method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method')

/** What AWS answers for an id that nobody has. */
function sendNoUrl(reply: HttpReply, requestId: string): void {
  const headers = answerHeaders(JSON_TYPE, requestId)
  headers.append('x-amzn-ErrorType', 'AccessDeniedException')
  reply.send(403, headers, '{"Message":null}')
}
