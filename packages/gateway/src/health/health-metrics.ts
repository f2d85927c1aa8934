import { METRICS, type WorkerMetrics } from '../observability/metrics/index.ts'

const RESULTS = ['success', 'tcp_failure', 'http_failure', 'timeout_failure', 'ignored'] as const
const DIRECTIONS = ['healthy', 'unhealthy'] as const
const REASONS = [
  'consecutive_5xx',
  'consecutive_gateway_failure',
  'consecutive_local_origin_failure',
  'success_rate',
  'failure_percentage',
] as const

/** What is counted of the nodes of one upstream. In the control thread. */
export class HealthMetrics {
  private readonly metrics: WorkerMetrics
  private readonly upstream: string

  constructor(metrics: WorkerMetrics, upstream: string) {
    this.metrics = metrics
    this.upstream = upstream
  }

  state(node: string, usable: boolean, ejected: boolean): void {
    const { upstream } = this
    this.metrics.gauge(METRICS.nodeHealthy, { upstream, node }).set(usable ? 1 : 0)
    this.metrics.gauge(METRICS.nodeEjected, { upstream, node }).set(ejected ? 1 : 0)
  }

  checked(node: string, result: (typeof RESULTS)[number]): void {
    this.metrics.counter(METRICS.healthChecks, { upstream: this.upstream, node, result }).add(1)
  }

  changed(node: string, to: (typeof DIRECTIONS)[number]): void {
    this.metrics.counter(METRICS.healthTransitions, { upstream: this.upstream, node, to }).add(1)
  }

  ejected(node: string, reason: (typeof REASONS)[number]): void {
    this.metrics.counter(METRICS.nodeEjections, { upstream: this.upstream, node, reason }).add(1)
  }

  /** The node is gone. */
  forget(node: string): void {
    const { metrics, upstream } = this
    metrics.remove(METRICS.nodeHealthy, { upstream, node })
    metrics.remove(METRICS.nodeEjected, { upstream, node })
    for (const result of RESULTS) metrics.remove(METRICS.healthChecks, { upstream, node, result })
    for (const to of DIRECTIONS) metrics.remove(METRICS.healthTransitions, { upstream, node, to })
    for (const reason of REASONS) metrics.remove(METRICS.nodeEjections, { upstream, node, reason })
  }
}
