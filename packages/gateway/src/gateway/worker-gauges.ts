import type { HttpProxy } from '@sekisho/proxy'
import type { RequestContext } from '../request-context.ts'
import type { LogWriter } from '../observability/access-log/index.ts'
import { METRICS, type Gauge, type WorkerMetrics } from '../observability/metrics/index.ts'

/** Scrapers come every few seconds: gauges that old are as good, and cost the hot path nothing. */
const INTERVAL_MS = 1_000

/** Figures that are read off from time to time: connections on both sides, lines lost. */
export class WorkerGauges {
  private readonly timer: NodeJS.Timeout
  private readonly proxy: HttpProxy<RequestContext>
  private readonly open: Gauge
  private readonly active: Gauge
  private readonly idle: Gauge
  private readonly metrics: WorkerMetrics
  private readonly log: LogWriter | undefined
  private dropped = 0

  constructor(proxy: HttpProxy<RequestContext>, metrics: WorkerMetrics, log: LogWriter | undefined) {
    this.proxy = proxy
    this.metrics = metrics
    this.log = log
    this.open = metrics.gauge(METRICS.connections, { state: 'open' })
    this.active = metrics.gauge(METRICS.upstreamConnections, { state: 'active' })
    this.idle = metrics.gauge(METRICS.upstreamConnections, { state: 'idle' })
    this.timer = setInterval(() => this.read(), INTERVAL_MS)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
    this.read()
  }

  private read(): void {
    const { pools } = this.proxy.runtime
    this.open.set(this.proxy.connectionCount)
    this.active.set(pools.active)
    this.idle.set(pools.idle)
    const dropped = this.log?.dropped ?? 0
    if (dropped > this.dropped) this.metrics.counter(METRICS.accessLogDropped, {}).add(dropped - this.dropped)
    this.dropped = dropped
  }
}
