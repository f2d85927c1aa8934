import { METRICS, type Counter, type Gauge, type WorkerMetrics } from '../observability/metrics/index.ts'

/** The metrics of one service. */
export class DiscoveryMetrics {
  private readonly nodes: Gauge
  private readonly last: Gauge
  private readonly errors: Counter
  private readonly changes: Counter
  private readonly remove: () => void

  constructor(metrics: WorkerMetrics, type: string, service: string) {
    const labels = { type, service_name: service }
    this.nodes = metrics.gauge(METRICS.discoveryNodes, labels)
    this.last = metrics.gauge(METRICS.discoveryLastAnswer, labels)
    this.errors = metrics.counter(METRICS.discoveryErrors, labels)
    this.changes = metrics.counter(METRICS.discoveryChanges, labels)
    this.remove = () => {
      const all = [
        METRICS.discoveryNodes,
        METRICS.discoveryLastAnswer,
        METRICS.discoveryErrors,
        METRICS.discoveryChanges,
      ]
      for (const one of all) metrics.remove(one, labels)
    }
  }

  setNodes(nodes: number): void {
    this.nodes.set(nodes)
  }

  changed(): void {
    this.changes.add(1)
  }

  /** @param atMs Unix time */
  answered(atMs: number): void {
    this.last.set(atMs / 1_000)
  }

  failed(): void {
    this.errors.add(1)
  }

  /** Nobody asks for the service any more. */
  close(): void {
    this.remove()
  }
}
