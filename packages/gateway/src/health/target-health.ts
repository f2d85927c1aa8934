import {
  HealthBoard,
  OutlierCounts,
  type Backend,
  type FailureKind,
  type LoadBalancer,
  type NodeHealth,
} from '@sekisho/proxy'
import type { NormalUpstream } from '../resources/normalise-upstream.ts'
import { outlierSettings, passiveThresholds, type Thresholds } from './health-settings.ts'
import type { HealthReport } from './health-messages.ts'
import { nodeKey } from './node-key.ts'

interface Observed {
  readonly key: string
  readonly health: NodeHealth
  readonly outliers: OutlierCounts | undefined
  /** What was last told to the balancer of its slow start. */
  startedAt: number
}

/** What a worker sees and knows of the nodes of one upstream. There is none for an upstream without checks. */
export class TargetHealth {
  private readonly passive: Thresholds | undefined
  private readonly outlier: ReturnType<typeof outlierSettings>
  private readonly windowMs: number
  private readonly grpc: boolean
  private readonly report: (node: string, event: HealthReport['event'], evidence: string) => void
  private readonly now: () => number
  private balancer: LoadBalancer | undefined
  private board: HealthBoard | undefined
  private observed: ReadonlyMap<Backend, Observed> = new Map()

  /** @param now as `Date.now` */
  constructor(
    upstream: NormalUpstream,
    report: (node: string, event: HealthReport['event'], evidence: string) => void,
    now: () => number = Date.now,
  ) {
    this.passive = passiveThresholds(upstream)
    this.outlier = outlierSettings(upstream)
    this.windowMs = (upstream.slow_start?.window ?? 0) * 1_000
    this.grpc = upstream.scheme === 'grpc' || upstream.scheme === 'grpcs'
    this.report = report
    this.now = now
  }

  /** Whether requests have anything to tell. */
  get observes(): boolean {
    return this.passive !== undefined || this.outlier !== undefined
  }

  /** The nodes of the balancer are those that the board tells of, as far as it knows them. Again when either changed. */
  attach(balancer: LoadBalancer, board: HealthBoard | undefined = this.board): void {
    this.balancer = balancer
    this.board = board
    const before = this.observed
    const observed = new Map<Backend, Observed>()
    for (const backend of balancer.backends) {
      const key = nodeKey(backend)
      const health = board?.node(key)
      if (health === undefined) continue
      const outliers = this.outlier === undefined ? undefined : new OutlierCounts(health.words, this.outlier)
      observed.set(backend, { key, health, outliers, startedAt: before.get(backend)?.startedAt ?? 0 })
    }
    this.observed = observed
    this.refresh()
  }

  /** Somebody changed the state of a node. */
  refresh(): void {
    for (const [backend, node] of this.observed) {
      backend.healthy = node.health.usable
      this.startSlowly(backend, node)
    }
  }

  /** A response came, or the whole of a gRPC call. */
  status(backend: Backend, status: number, grpcStatus: number | undefined): void {
    const node = this.observed.get(backend)
    if (node === undefined) return
    const seen = this.grpc && grpcStatus !== undefined && status === 200 ? httpStatusOf(grpcStatus) : status
    const reason = node.outliers?.status(seen)
    if (reason !== undefined) this.report(node.key, { change: 'outlier', reason }, statusText(status, grpcStatus))
    const { passive } = this
    if (passive === undefined) return
    if (passive.healthyStatuses.has(seen)) this.succeeded(backend, node, passive)
    else if (passive.unhealthyStatuses.has(seen))
      this.failed(backend, node, passive, 'http_failure', statusText(status, grpcStatus))
  }

  /** A connection was made, and nothing more can be told: TCP. */
  connected(backend: Backend): void {
    const node = this.observed.get(backend)
    if (node === undefined) return
    node.outliers?.status(200)
    if (this.passive !== undefined) this.succeeded(backend, node, this.passive)
  }

  /** There was no answer. `code` as in ProxyError; what is no fault of the node is passed over. */
  failure(backend: Backend, code: string): void {
    const kind = FAILURES[code]
    const node = kind === undefined ? undefined : this.observed.get(backend)
    if (kind === undefined || node === undefined) return
    const reason = node.outliers?.localFailure()
    if (reason !== undefined) this.report(node.key, { change: 'outlier', reason }, code)
    if (this.passive !== undefined) this.failed(backend, node, this.passive, kind, code)
  }

  private succeeded(backend: Backend, node: Observed, { successes }: Thresholds): void {
    if (!node.health.success(successes)) return
    this.board?.start(node.key, this.now())
    backend.healthy = node.health.usable
    this.report(node.key, { change: 'up' }, `${successes} successes of requests in a row`)
  }

  private failed(
    backend: Backend,
    node: Observed,
    { failures }: Thresholds,
    kind: FailureKind,
    evidence: string,
  ): void {
    if (!node.health.failure(kind, failures[kind])) return
    backend.healthy = node.health.usable
    this.report(node.key, { change: 'down', kind }, evidence)
  }

  private startSlowly(backend: Backend, node: Observed): void {
    if (this.windowMs === 0 || !backend.healthy) return
    const startedAt = this.board?.startedAt(node.key) ?? 0
    if (startedAt === node.startedAt) return
    node.startedAt = startedAt
    // Clocks of threads are one, but a machine's may be set back.
    this.balancer?.startSlowly(backend, Math.max(0, this.now() - startedAt))
  }
}

const FAILURES: Readonly<Record<string, FailureKind | undefined>> = {
  CONNECT_REFUSED: 'tcp_failure',
  CONNECT_FAILED: 'tcp_failure',
  NAME_NOT_RESOLVED: 'tcp_failure',
  TLS_HANDSHAKE: 'tcp_failure',
  TLS_CERTIFICATE: 'tcp_failure',
  RESET: 'tcp_failure',
  STREAM_RESET: 'tcp_failure',
  CLOSED_BEFORE_RESPONSE: 'tcp_failure',
  BODY_CUT: 'tcp_failure',
  BAD_RESPONSE: 'tcp_failure',
  CONNECT_TIMEOUT: 'timeout_failure',
  READ_TIMEOUT: 'timeout_failure',
  WRITE_TIMEOUT: 'timeout_failure',
}

const statusText = (status: number, grpcStatus: number | undefined): string =>
  grpcStatus === undefined || grpcStatus === 0 ? `status ${status}` : `status ${status}, grpc-status ${grpcStatus}`

/** What a status of gRPC would be in HTTP: https://cloud.google.com/apis/design/errors#handling_errors (google.rpc.Code). */
const httpStatusOf = (grpcStatus: number): number => HTTP_STATUSES[grpcStatus] ?? 500
const HTTP_STATUSES = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]
