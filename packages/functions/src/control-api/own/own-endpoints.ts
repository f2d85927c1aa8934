import type { Engine } from '../../engine/engine.ts'
import type { HttpReply, HttpRequest } from '../../http/http-exchange.ts'
import { invalidParameter } from '../../model/service-error.ts'
import type { LogRecord } from '../../logs/log-record.ts'
import type { ReadOptions } from '../../logs/log-reader.ts'
import { answerHeaders, JSON_TYPE, TEXT_TYPE } from '../answer-headers.ts'
import { decodeLabel } from '../percent-decoding.ts'
import type { Surface } from '../surface.ts'
import { pour } from './pour.ts'

/** What can be read of logs: `LogStore`. */
export interface LogSource {
  read(functionName: string, options?: ReadOptions): AsyncIterable<LogRecord>
}

export interface OwnEndpointsOptions {
  readonly engine: Engine
  readonly logs: LogSource
  /** Throws ServiceError for a function that is not there. */
  readonly checkFunction: (name: string) => void
  /** What this host supports: JSON. */
  readonly doctor: () => Promise<unknown>
  /** How often a follower of a log is sent an empty line. Default 10 seconds. */
  readonly heartbeatMs?: number
}

/**
 * What AWS has no call for:
 *
 *     GET /sekisho/state                      environments by function
 *     GET /sekisho/doctor                     what this host supports
 *     GET /sekisho/functions/{name}/logs      a JSON object a line, or an empty one: ?since=MS&until=MS&follow
 */
export class OwnEndpoints implements Surface {
  readonly maxBodyBytes = 0
  readonly signed = true
  private readonly options: OwnEndpointsOptions

  constructor(options: OwnEndpointsOptions) {
    this.options = options
  }

  serves(method: string, path: string): boolean {
    return method === 'GET' && (path === STATE || path === DOCTOR || functionOfLogs(path) !== undefined)
  }

  handle(request: HttpRequest, reply: HttpReply, requestId: string): void {
    const { path } = request
    const { engine, doctor } = this.options
    const name = functionOfLogs(path)
    if (name !== undefined) this.sendLogs(name, new URLSearchParams(request.query), reply, requestId)
    else if (path === STATE) {
      sendJson(reply, { environments: engine.environments, functions: engine.state() }, requestId)
    } else {
      doctor().then(
        (checks) => sendJson(reply, checks, requestId),
        () => reply.send(500, answerHeaders(TEXT_TYPE, requestId), 'the checks failed\n'),
      )
    }
  }

  private sendLogs(name: string, query: URLSearchParams, reply: HttpReply, requestId: string): void {
    this.options.checkFunction(name)
    const since = timeOf(query, 'since')
    const until = timeOf(query, 'until')
    const gone = new AbortController()
    const records = this.options.logs.read(name, {
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
      follow: query.has('follow') && query.get('follow') !== 'false',
      signal: gone.signal,
    })
    reply.start(200, answerHeaders('application/x-ndjson', requestId))
    const poured = pour(asLines(records), reply)
    // A client that has gone may look like one that has only nothing more to say, until something is sent to it.
    const heartbeat = setInterval(() => reply.write(EMPTY_LINE), this.options.heartbeatMs ?? 10_000).unref()
    // A reader who waits for the next record has to be woken when nobody reads any more.
    const { onLost } = reply
    reply.onLost = () => {
      clearInterval(heartbeat)
      gone.abort()
      onLost?.()
    }
    poured.catch(() => reply.cut()).finally(() => clearInterval(heartbeat))
  }
}

export interface OpenEndpointsOptions {
  /** Prometheus text. */
  readonly metrics: () => string
  /** false: it is starting or draining. */
  readonly ready: () => boolean
}

/**
 * What orchestrators and Prometheus ask for, who sign nothing:
 *
 *     GET /sekisho/health    200 while the process answers
 *     GET /sekisho/ready     200, or 503 while it starts or drains
 *     GET /metrics           Prometheus
 */
export class OpenEndpoints implements Surface {
  readonly maxBodyBytes = 0
  readonly signed = false
  private readonly options: OpenEndpointsOptions

  constructor(options: OpenEndpointsOptions) {
    this.options = options
  }

  serves(method: string, path: string): boolean {
    return method === 'GET' && isOpen(path)
  }

  handle({ path }: HttpRequest, reply: HttpReply, requestId: string): void {
    if (path === '/metrics') {
      reply.send(200, answerHeaders('text/plain; version=0.0.4; charset=utf-8', requestId), this.options.metrics())
    } else {
      const good = path === '/sekisho/health' || this.options.ready()
      reply.send(good ? 200 : 503, answerHeaders(TEXT_TYPE, requestId), good ? 'ok\n' : 'not ready\n')
    }
  }
}

const STATE = '/sekisho/state'
const DOCTOR = '/sekisho/doctor'
const EMPTY_LINE = Buffer.from('\n')

const isOpen = (path: string): boolean => path === '/metrics' || path === '/sekisho/health' || path === '/sekisho/ready'

function functionOfLogs(path: string): string | undefined {
  const [, label] = /^\/sekisho\/functions\/([^/]+)\/logs$/.exec(path) ?? []
  return label === undefined ? undefined : decodeLabel(label)
}

function timeOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!/^\d{1,15}$/.test(text)) throw invalidParameter(`${name} must be milliseconds since 1970, not '${text}'`)
  return Number(text)
}

const sendJson = (reply: HttpReply, body: unknown, requestId: string): void =>
  reply.send(200, answerHeaders(JSON_TYPE, requestId), JSON.stringify(body))

async function* asLines(records: AsyncIterable<LogRecord>): AsyncGenerator<Buffer> {
  for await (const { timeMs, stream, text } of records) {
    yield Buffer.from(JSON.stringify({ time: timeMs, stream, text }) + '\n')
  }
}
