import type { Peer } from '@sekisho/proxy'
import { METRICS, type WorkerMetrics } from '../observability/metrics/index.ts'

/** Whether nodes could be reached when it was last tried: `sekisho_upstream_status`. Only changes touch a metric. */
export class UpstreamStatus {
  private readonly reachable = new WeakMap<Peer, boolean>()
  private readonly metrics: WorkerMetrics

  constructor(metrics: WorkerMetrics) {
    this.metrics = metrics
  }

  /** @param name the upstream's id or the route it stands in */
  set(peer: Peer, name: string, reachable: boolean): void {
    if (this.reachable.get(peer) === reachable) return
    this.reachable.set(peer, reachable)
    this.metrics.gauge(METRICS.upstreamStatus, { name, ip: peer.host, port: String(peer.port) }).set(reachable ? 1 : 0)
  }
}
