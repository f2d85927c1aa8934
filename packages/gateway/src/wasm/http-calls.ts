import { peer as peerOf, type Peer } from '@sekisho/proxy'
import { Headers, isAuthority, isFramingField, isToken, RequestHead } from '@sekisho/wire'
import { CallCounts, ServiceHealth, sideCall, SideFailure } from '../side-calls/index.ts'
import type { PluginContext } from '../plugins/context.ts'
import type { CallAnswer } from './guest-context.ts'
import type { HeaderPair } from './header-pairs.ts'

/** Calls of one filter that are on their way. */
export const MAX_CALLS_IN_FLIGHT = 1_000
export const MAX_CALL_ANSWER_BYTES = 1_048_576
/** For a call that gives no time limit, and the most that one may give. */
const MAX_CALL_MS = 60_000

/** An upstream that calls may go to. */
interface Cluster {
  readonly origin: string
  readonly peer: Peer
  readonly health: ServiceHealth
}

export interface GuestCall {
  readonly cluster: string
  readonly pairs: readonly HeaderPair[]
  readonly body: Buffer
  /** 0: none was given. */
  readonly timeoutMs: number
}

/** Where the calls of a filter go. */
export interface GuestCalls {
  /**
   * @param done told once; undefined: there is no answer
   * @returns 'bad' for an unknown upstream or a request that is none, 'busy' when too many are on their way
   */
  send(call: GuestCall, done: (answer: CallAnswer | undefined) => void): 'ok' | 'bad' | 'busy'
}

/** `proxy_http_call` of one filter: to the services that its configuration names, and nowhere else. */
export class HttpCalls implements GuestCalls {
  private readonly clusters = new Map<string, Cluster>()
  private readonly counts: CallCounts
  private inFlight = 0

  /** @param upstreams name to `http://host:port` or `https://…` */
  constructor(
    upstreams: Readonly<Record<string, string>>,
    { scope, metrics, logger }: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>,
  ) {
    this.counts = new CallCounts('wasm', metrics)
    for (const [name, url] of Object.entries(upstreams)) {
      const { protocol, hostname, port, origin } = new URL(url)
      const secure = protocol === 'https:'
      const address = `${hostname}:${port === '' ? (secure ? 443 : 80) : port}`
      this.clusters.set(name, {
        origin,
        peer: peerOf(address, secure ? { tls: true } : {}),
        health: new ServiceHealth(`wasm: ${origin}`, { plugin: 'wasm', place: scope }, logger),
      })
    }
  }

  send(call: GuestCall, done: (answer: CallAnswer | undefined) => void): 'ok' | 'bad' | 'busy' {
    const cluster = this.clusters.get(call.cluster)
    const request = cluster === undefined ? undefined : requestOf(call)
    if (cluster === undefined || request === undefined) return 'bad'
    if (this.inFlight >= MAX_CALLS_IN_FLIGHT) {
      this.counts.add('busy')
      return 'busy'
    }
    this.inFlight++
    const timeoutMs = Math.min(call.timeoutMs === 0 ? MAX_CALL_MS : call.timeoutMs, MAX_CALL_MS)
    const body = call.body.length === 0 ? undefined : call.body
    // Not within the call of the guest: what fails at once is told at once.
    setImmediate(() =>
      sideCall(cluster.peer, request, body, { maxAnswerBytes: MAX_CALL_ANSWER_BYTES, timeoutMs }, (result) => {
        this.inFlight--
        if (result instanceof SideFailure) {
          this.counts.add(result.kind)
          cluster.health.failed(result.message, 'the filter is told that its call failed')
          done(undefined)
        } else {
          this.counts.add('ok')
          cluster.health.answered()
          done({ status: result.head.status, headers: result.head.headers, body: result.body })
        }
      }),
    )
    return 'ok'
  }
}

const TARGET = /^\/[!-~]*$/

/** undefined: `:method`, `:path` or `:authority` is missing or wrong, or a field is. */
function requestOf({ pairs, body }: GuestCall): RequestHead | undefined {
  const headers = new Headers()
  const pseudo = new Map<string, string>()
  try {
    for (const [name, value] of pairs) {
      if (name.startsWith(':')) pseudo.set(name, value)
      else if (!isFramingField(name) && name.toLowerCase() !== 'host') headers.append(name, value)
    }
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
  const method = pseudo.get(':method') ?? ''
  const target = pseudo.get(':path') ?? ''
  const authority = pseudo.get(':authority') ?? ''
  if (!isToken(method) || method === 'CONNECT' || !TARGET.test(target) || !isAuthority(authority)) return undefined
  headers.set('Host', authority)
  if (body.length > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH')
    headers.set('Content-Length', String(body.length))
  return new RequestHead(method, target, authority, 1, headers, body.length, true, false, false, false, 0)
}
