import { peer as peerOf, type Peer, type PeerOptions } from '@sekisho/proxy'
import { Headers, RequestHead, type ResponseHead } from '@sekisho/wire'
import type { PluginContext } from '../plugins/context.ts'
import { basicAuthorization } from './basic-authorization.ts'
import { sideCall, SideFailure, type SideLimits } from './side-call.ts'
import { ServiceHealth } from './service-health.ts'
import { CallCounts } from './service-metrics.ts'

/** Answers of policy servers and identity providers are small; a log sink's are hardly looked at. */
export const DEFAULT_MAX_ANSWER_BYTES = 1_048_576
/** Calls of one client at a time: what comes beyond is refused at once, so that a slow service holds a bounded part of the memory. */
export const DEFAULT_MAX_IN_FLIGHT = 1_000

export interface ServiceOptions {
  /** Name of the plugin: a label of the metrics, and what the log calls it. */
  readonly plugin: string
  /** For all of a call, from the name's resolution to the last byte, in ms. */
  readonly timeoutMs: number
  /** Default `DEFAULT_MAX_ANSWER_BYTES`; null: answers have no body for us, whatever comes is forgotten. */
  readonly maxAnswerBytes?: number | null
  readonly maxInFlight?: number
  /** TLS (`{ verify, ca, … }`, for https URLs), keep-alive, protocol. */
  readonly peer?: PeerOptions
  /** What becomes of requests while the service fails, for the log: `requests are refused`. */
  readonly consequence: string
}

export interface ServiceRequest {
  /** Default GET, or POST with a body. */
  readonly method?: string
  /** Path and query as they are to leave; left out: those of the URL. */
  readonly target?: string
  /** `Host` is that of the URL, unless it is among them. */
  readonly headers?: Readonly<Record<string, string>> | Headers
  readonly body?: Uint8Array | string | undefined
  /** Why an answer is of no use (its status, say): the call fails then, as by `refused`. Left out: any answer will do. */
  readonly unusable?: ((answer: ServiceAnswer) => string | undefined) | undefined
}

/** What a service answered, of any status. */
export class ServiceAnswer {
  readonly head: ResponseHead
  readonly body: Buffer
  /** Trailer fields as they came: lines with CRLF, or the empty string. */
  readonly trailers: string

  constructor(head: ResponseHead, body: Buffer, trailers = '') {
    this.head = head
    this.body = body
    this.trailers = trailers
  }

  get status(): number {
    return this.head.status
  }
  get headers(): Headers {
    return this.head.headers
  }
  get text(): string {
    return this.body.toString('utf8')
  }
  /** @throws SyntaxError when the body is no JSON */
  json(): unknown {
    return JSON.parse(this.text)
  }
}

/** No usable answer. The message is for the log, not for clients. */
export class ServiceFailure extends Error {
  readonly kind: SideFailure['kind'] | 'busy' | 'refused'

  constructor(kind: ServiceFailure['kind'], message: string) {
    super(message)
    this.name = 'ServiceFailure'
    this.kind = kind
  }
}

/**
 * Calls of one plugin instance to a service of its own, on the gateway's pools: bounded in time, bytes and number, counted in
 * `sekisho_plugin_calls_total`, told to the log when the service begins and ceases to fail. Follows no redirect. A request on a kept connection
 * that was dead is sent once more.
 */
export class ServiceClient {
  private readonly options: ServiceOptions
  private readonly limits: SideLimits
  private readonly maxInFlight: number
  private readonly counts: CallCounts
  private readonly logger: PluginContext['logger']
  private readonly fields: object
  /** By origin: a plugin asks one, or a few that its configuration names. */
  private readonly origins = new Map<string, { readonly peer: Peer; readonly health: ServiceHealth }>()
  private inFlight = 0

  constructor(options: ServiceOptions, context: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>) {
    this.options = options
    this.limits = {
      maxAnswerBytes:
        options.maxAnswerBytes === null ? undefined : (options.maxAnswerBytes ?? DEFAULT_MAX_ANSWER_BYTES),
      timeoutMs: options.timeoutMs,
    }
    this.maxInFlight = options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT
    this.counts = new CallCounts(options.plugin, context.metrics)
    this.logger = context.logger
    this.fields = { plugin: options.plugin, place: context.scope }
  }

  /**
   * An answer of any status.
   * @throws ServiceFailure (as a rejection) when there is none within the limits; it is counted and logged already
   */
  call(
    url: URL | string,
    { method, target, headers = {}, body, unusable }: ServiceRequest = {},
  ): Promise<ServiceAnswer> {
    const place = typeof url === 'string' ? new URL(url) : url
    const { peer, health } = this.origin(place)
    if (this.inFlight >= this.maxInFlight) {
      const failure = new ServiceFailure('busy', `${this.inFlight} calls are waiting for it already`)
      this.note(failure, health)
      return Promise.reject(failure)
    }
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const path = target ?? `${place.pathname}${place.search}`
    const request = requestOf(place, path, method ?? (bytes === undefined ? 'GET' : 'POST'), headers, bytes)
    this.inFlight++
    return new Promise((resolve, reject) => {
      sideCall(peer, request, bytes, this.limits, (result) => {
        this.inFlight--
        let failure: ServiceFailure
        if (result instanceof SideFailure) failure = new ServiceFailure(result.kind, result.message)
        else {
          const answer = new ServiceAnswer(result.head, result.body, result.trailers)
          const reason = unusable?.(answer)
          if (reason === undefined) {
            this.counts.add('ok')
            health.answered()
            resolve(answer)
            return
          }
          failure = new ServiceFailure('refused', reason)
        }
        this.note(failure, health)
        reject(failure)
      })
    })
  }

  /** An answer that the plugin cannot use (a 500, no JSON) is a failure as well. Returns it, for whoever throws it. */
  refused(url: URL | string, reason: string): ServiceFailure {
    const failure = new ServiceFailure('refused', reason)
    this.note(failure, this.origin(typeof url === 'string' ? new URL(url) : url).health)
    return failure
  }

  private note(failure: ServiceFailure, health: ServiceHealth): void {
    this.counts.add(failure.kind)
    health.failed(failure.message, this.options.consequence)
  }

  private origin(url: URL): { readonly peer: Peer; readonly health: ServiceHealth } {
    let known = this.origins.get(url.origin)
    if (known === undefined) {
      const { peer, plugin } = this.options
      const secure = url.protocol === 'https:'
      const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
      const { tls, ...options } = peer ?? {}
      known = {
        peer: peerOf(`${url.hostname}:${port}`, secure ? { ...options, tls: tls ?? true } : options),
        health: new ServiceHealth(`${plugin}: ${url.origin}`, this.fields, this.logger),
      }
      if (this.origins.size >= MAX_ORIGINS) this.origins.clear()
      this.origins.set(url.origin, known)
    }
    return known
  }
}

/** Of one configuration; more would come from a URL with parts of requests in it. */
const MAX_ORIGINS = 100

function requestOf(
  url: URL,
  target: string,
  method: string,
  fields: Readonly<Record<string, string>> | Headers,
  body: Uint8Array | undefined,
): RequestHead {
  const headers = fields instanceof Headers ? fields : Headers.from(fields)
  if (!headers.has('host')) headers.set('Host', url.host)
  if (url.username !== '' && !headers.has('authorization'))
    headers.set('Authorization', basicAuthorization(credentialsOf(url)))
  const length = body?.length ?? 0
  // RFC 9110 section 8.6: a method that has a body says that it is empty.
  if (length > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH')
    headers.set('Content-Length', String(length))
  return new RequestHead(method, target, url.host, 1, headers, length, true, false, false, false, 0)
}

const credentialsOf = ({ username, password }: URL): string =>
  `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
