import { Resolver } from '@sekisho/proxy'
import type { Configuration } from '../config/define-config.ts'
import type { GatewaySession } from '../session.ts'
import { type Answer, answerOf, joined } from './answer.ts'
import { MemoryClient, requestHead } from './memory-client.ts'
import { MemoryUpstreams } from './memory-upstream.ts'
import type { MemoryRequestOptions } from './test-request.ts'
import type { Upstream, UpstreamRequest } from './upstream.ts'
import { type AnyPlugin, type LogLine, WorkerUnderTest } from './worker-under-test.ts'

/** How a gateway is tested. */
export interface GatewayOptions {
  /** Plugins of your own, or the paths of their files; `./plugins` is not looked into. */
  readonly plugins?: readonly (AnyPlugin | string | URL)[] | undefined
  /** What `${{NAME}}` in the configuration is. Default: the environment of the process. */
  readonly environment?: Readonly<Record<string, string>> | undefined
}

export interface MemoryGatewayOptions extends GatewayOptions {
  /** What all nodes answer, whatever their address. Default: 200, with JSON of what they got. */
  readonly upstream?: Upstream | undefined
}

/** A request, what became of it, and what was seen on its way. */
export interface Run extends Answer {
  /** Pieces of the body as they left, one after the other. */
  readonly pieces: readonly Buffer[]
  readonly trailers: Readonly<Record<string, string>>
  /** The response was broken off: its client could see that it is not whole. */
  readonly cut: boolean
  /** What the upstream got; undefined when it was not asked. After retries the last one. */
  readonly upstreamRequest: UpstreamRequest | undefined
  /** What the gateway logged meanwhile. */
  readonly logs: readonly LogLine[]
  /** The session that the plugins saw: `session.ctx.consumer`, `session.ctx.plan`, … */
  readonly session: GatewaySession
}

/** A gateway without sockets: everything is real but the connections. */
export class MemoryGateway {
  /** All that the gateway logged so far. */
  readonly logs: readonly LogLine[]
  private readonly under: WorkerUnderTest
  private readonly upstreams: MemoryUpstreams

  /** See `openGateway`. */
  constructor(under: WorkerUnderTest, upstreams: MemoryUpstreams) {
    this.under = under
    this.upstreams = upstreams
    this.logs = under.logs
  }

  /** All requests that upstreams got so far. */
  get upstreamRequests(): readonly UpstreamRequest[] {
    return this.upstreams.requests
  }

  /** From here on nodes answer this. */
  set upstream(upstream: Upstream) {
    this.upstreams.upstream = upstream
  }

  /**
   * Sends a request and waits for its answer, and for the phase `log`.
   *
   * @param target path and query, or a URL: its scheme and host are those of the request
   */
  async fetch(target: string, options: MemoryRequestOptions = {}): Promise<Run> {
    const { path, implied } = splitUrl(target)
    const all = { ...implied, ...options }
    const head = requestHead(path, all)
    const client = new MemoryClient(head, all)
    const loggedBefore = this.logs.length
    const askedBefore = this.upstreams.requests.length
    this.under.worker.proxy.onRequest(client, head)
    const session = client.exchange as unknown as GatewaySession
    const { head: answered, pieces, trailers, cut } = await client.response
    const bodyless = head.method === 'HEAD' || answered.status === 204 || answered.status === 304
    const body = bodyless ? Buffer.alloc(0) : Buffer.concat(pieces)
    return {
      ...answerOf(answered.status, [...answered.headers], body),
      pieces: bodyless ? [] : pieces,
      trailers: joined(fieldsOf(trailers)),
      cut,
      upstreamRequest: this.upstreams.requests.slice(askedBefore).at(-1),
      logs: this.logs.slice(loggedBefore),
      session,
    }
  }

  /** Puts another configuration in force, live. Rejects with what is wrong with it, and the old one stays. */
  update(document: Configuration | string): Promise<void> {
    return this.under.update(document)
  }

  /** The sum of a metric's series that have all of these labels: `metric('sekisho_http_status', { code: '200' })`. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number> {
    return this.under.metric(name, labels)
  }

  /** Lets all plugins go (`dispose`). */
  close(): Promise<void> {
    return this.under.stop()
  }
}

/**
 * A gateway in this process, with one worker, without sockets. Rejects with what the gateway says of a configuration that it refuses.
 *
 * @param document what `sekisho.yaml` says, as an object or as its text; what it says of listeners, stores and the like is checked, and has no effect
 */
export async function openGateway(
  document: Configuration | string,
  { upstream, ...options }: MemoryGatewayOptions = {},
): Promise<MemoryGateway> {
  const upstreams = new MemoryUpstreams(upstream)
  // All names are there.
  const resolver = new Resolver(() => Promise.resolve({ addresses: ['192.0.2.2'], ttlMs: 60_000 }))
  return new MemoryGateway(
    await WorkerUnderTest.start(document, { ...options, proxy: { pools: upstreams, resolver } }),
    upstreams,
  )
}

function splitUrl(target: string): { path: string; implied: MemoryRequestOptions } {
  const [, scheme, host, path = ''] = /^(https?):\/\/([^/?]+)(.*)$/.exec(target) ?? []
  if (scheme === undefined || host === undefined) return { path: target, implied: {} }
  return { path: path.startsWith('/') ? path : `/${path}`, implied: { host, secure: scheme === 'https' } }
}

const fieldsOf = (lines: string): (readonly [string, string])[] =>
  lines.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':')
    return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()] as const]
  })
