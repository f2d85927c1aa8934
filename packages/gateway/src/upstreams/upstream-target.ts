import { LoadBalancer, Peer, type Backend, type HealthBoard, type NodeSpec, type PeerOptions } from '@sekisho/proxy'
import type { UpstreamDefaults } from '../config/settings/limits.ts'
import type { UpstreamGuard } from '../overload/upstream-guard.ts'
import type { TargetHealth } from '../health/target-health.ts'
import type { NormalNode, NormalUpstream } from '../resources/normalise-upstream.ts'
import type { Timeout } from '../resources/timeout.ts'
import type { GatewaySession } from '../session.ts'
import { balancerOf, countsRequests, type BalancingContext } from './balancer-of.ts'
import { Stickiness } from './sticky-cookie.ts'
import { variableReader } from '../variables/variables.ts'
import { compileText } from '../variables/template.ts'
import type { RequestContext } from '../request-context.ts'

/** An upstream made ready: its balancer, a peer for each node, and what the upstream gets as Host. */
export class UpstreamTarget {
  readonly upstream: NormalUpstream
  /** One less than there are nodes, unless it is written. */
  retries = 0
  readonly retryTimeoutMs: number
  private readonly balancer: LoadBalancer
  private readonly peers = new Map<Backend, Peer>()
  /** The one node, if there is just one: nothing to balance. */
  private only: Peer | undefined
  private readonly options: (backend: Backend) => PeerOptions
  private readonly key: ((context: RequestContext) => string) | undefined
  /** What nodes are asked for, by label. */
  private readonly labels: readonly ((context: RequestContext) => string)[] | undefined
  /** Clients stay on their nodes. */
  readonly sticky: Stickiness | undefined
  /** The balancer counts what is in flight. */
  readonly counts: boolean
  /** What is seen and known of its nodes, where that is asked for. */
  health: TargetHealth | undefined = undefined
  /** Its circuit breakers, retries and the like, where it has some. */
  guard: UpstreamGuard | undefined = undefined

  /** @param place where the upstream is written: what the workers count together is known by it */
  constructor(
    upstream: NormalUpstream,
    timeout: Timeout | undefined,
    defaults: UpstreamDefaults,
    place = '',
    balancing: BalancingContext = { workerIndex: 0 },
  ) {
    this.upstream = upstream
    const nodes = upstream.nodes.map(nodeSpec)
    this.retryTimeoutMs = upstream.retry_timeout * 1_000
    this.balancer = balancerOf(upstream, nodes, place, balancing)
    this.key = upstream.type === 'chash' ? hashKey(upstream) : undefined
    this.labels = upstream.subset && Object.values(upstream.subset.labels).map(compileText)
    this.sticky = upstream.sticky && new Stickiness(upstream.sticky)
    this.counts = countsRequests(upstream)
    this.options = peerOptions(upstream, timeout ?? upstream.timeout, defaults)
    this.settlePeers()
  }

  /** What service discovery found now. Nodes that stay keep their peers, health and counters. */
  setNodes(nodes: readonly NormalNode[]): void {
    this.balancer.update(nodes.map(nodeSpec))
    this.settlePeers()
    this.health?.attach(this.balancer)
  }

  /** Its nodes are those of the board, as far as it knows them; again when that changed. */
  watch(health: TargetHealth, board: HealthBoard | undefined): void {
    health.attach(this.balancer, board)
    this.health = health
  }

  /** The peer for this attempt; undefined when no node is left. */
  pick(session: GatewaySession, tried: readonly Backend[] = session.tried): Peer | undefined {
    if (this.only !== undefined) return tried.length === 0 ? this.only : undefined
    const own = this.sticky?.nodeOf(session)
    if (own !== undefined) return this.peers.get(own)
    const key = this.key === undefined ? '' : this.key(session.ctx)
    if (this.labels === undefined) return this.pickBy(key, tried)
    const values = this.labels.map((label) => label(session.ctx))
    const backend = this.balancer.selectFrom(values, key, tried)
    return backend === undefined ? undefined : this.peers.get(backend)
  }

  /** The same for what is no request. `key` is what consistent hash goes by. */
  pickBy(key: string, tried: readonly Backend[]): Peer | undefined {
    const backend = this.balancer.select(key, tried)
    return backend === undefined ? undefined : this.peers.get(backend)
  }

  /** One peer for each node of the balancer. */
  private settlePeers(): void {
    const { backends } = this.balancer
    const gone = new Set(this.peers.keys())
    for (const backend of backends) {
      if (!gone.delete(backend))
        this.peers.set(backend, new Peer(backend.host, backend.port, this.options(backend), backend))
    }
    for (const backend of gone) this.peers.delete(backend)
    this.sticky?.settle(backends)
    const live = backends.filter(({ weight }) => weight > 0).length
    this.retries = this.upstream.retries ?? Math.max(0, live - 1)
    this.only =
      backends.length === 1 && live === 1 && this.labels === undefined ? this.peers.get(backends[0]) : undefined
  }

  started(backend: Backend): void {
    this.balancer.started(backend)
  }

  finished(backend: Backend, latencyMs: number): void {
    this.balancer.finished(backend, latencyMs)
  }

  /** The Host field that the upstream gets; undefined leaves the client's. */
  hostFor(peer: Peer): string | undefined {
    const { pass_host: passHost, upstream_host: upstreamHost, scheme } = this.upstream
    if (passHost === 'pass') return undefined
    if (passHost === 'rewrite') return upstreamHost
    return peer.port === (scheme === 'https' ? 443 : 80) ? peer.host : peer.name
  }
}

const nodeSpec = (node: NormalUpstream['nodes'][number]): NodeSpec => ({
  // In brackets, as a balancer reads it; hosts of the configuration have lost theirs.
  host: node.host.includes(':') ? `[${node.host}]` : node.host,
  port: node.port,
  weight: node.weight,
  priority: node.priority,
  ...(node.metadata === undefined ? {} : { metadata: node.metadata }),
})

/** What consistent hash goes by; the client's address when the request has no such thing, as in APISIX. */
function hashKey(upstream: NormalUpstream): (context: RequestContext) => string {
  const { hash_on: hashOn, key = '' } = upstream
  if (hashOn === 'vars_combinations') {
    const text = compileText(key)
    return (context) => text(context) || context.remoteAddr
  }
  const names = { vars: key, header: `http_${key}`, cookie: `cookie_${key}`, consumer: 'consumer_name' }
  const read = variableReader(names[hashOn])
  return (context) => String(read(context) ?? '') || context.remoteAddr
}

function peerOptions(
  upstream: NormalUpstream,
  timeout: Timeout | undefined,
  defaults: UpstreamDefaults,
): (backend: Backend) => PeerOptions {
  const secure = upstream.scheme === 'https' || upstream.scheme === 'grpcs' || upstream.scheme === 'tls'
  const { tls, keepalive_pool: pool } = upstream
  const http2 = upstream.scheme === 'grpc' || upstream.scheme === 'grpcs'
  const common: PeerOptions = {
    ...(http2 ? { protocol: 'h2' as const } : {}),
    connectTimeoutMs: (timeout?.connect ?? defaults.connect_timeout) * 1_000,
    writeTimeoutMs: (timeout?.send ?? defaults.send_timeout) * 1_000,
    readTimeoutMs: (timeout?.read ?? defaults.read_timeout) * 1_000,
    // Streaming calls may be quiet for hours: only a limit that somebody wrote down cuts them.
    quietTimeoutMs: (timeout?.read ?? 0) * 1_000,
    keepAlive: {
      maxIdle: pool?.size ?? defaults.keepalive_pool_size,
      ...(pool === undefined ? {} : { idleTimeoutMs: pool.idle_timeout * 1_000, maxRequests: pool.requests }),
    },
  }
  if (!secure) return () => common
  return (backend) => ({
    ...common,
    tls: {
      // A name that the client chose must not decide whom we trust: it is the node's, or the configured host's.
      serverName: tls.sni ?? (upstream.pass_host === 'rewrite' ? upstream.upstream_host : undefined) ?? backend.host,
      verify: tls.verify,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.client_cert === undefined ? {} : { cert: tls.client_cert }),
      ...(tls.client_key === undefined ? {} : { key: tls.client_key }),
    },
  })
}
