import { LoadShedder, LoopDelay, URGENCIES, type ShedderReport } from '@sekisho/proxy'
import type { OverloadSettings } from '../config/settings/overload.ts'
import { METRICS, type Counter, type WorkerMetrics } from '../observability/metrics/index.ts'
import type { PluginLogger } from '../plugins/context.ts'
import type { GatewaySession } from '../session.ts'

/** Without `load_shedding` the event loop may be as late as it likes. */
const ANY_DELAY_MS = Infinity

/** What a worker does about more requests than it can serve: made only where `overload` asks for it. */
export class LoadControl {
  readonly shedder: LoadShedder
  private readonly delay: LoopDelay | undefined
  private readonly counters: readonly Counter[]
  private readonly fields: Readonly<Record<string, string>>
  private readonly logger: PluginLogger

  static of(settings: OverloadSettings, metrics: WorkerMetrics, logger: PluginLogger): LoadControl | undefined {
    const { max_requests: maxRequests, load_shedding: shedding } = settings
    return maxRequests === 0 && shedding === undefined ? undefined : new LoadControl(settings, metrics, logger)
  }

  constructor(settings: OverloadSettings, metrics: WorkerMetrics, logger: PluginLogger) {
    const { max_requests: maxRequests, load_shedding: shedding } = settings
    this.logger = logger
    this.fields = { 'Retry-After': String(settings.retry_after) }
    this.counters = Array.from({ length: URGENCIES }, (_, urgency) =>
      metrics.counter(METRICS.shedRequests, { urgency: String(urgency) }),
    )
    const gauge = shedding && metrics.gauge(METRICS.shedding, {})
    gauge?.set(0)
    this.shedder = new LoadShedder({
      targetMs: shedding === undefined ? ANY_DELAY_MS : shedding.target_delay * 1_000,
      intervalMs: (shedding?.interval ?? 0.1) * 1_000,
      maxRequests,
      utilisation: loopUtilisation(),
      onChange: (on, report) => {
        gauge?.set(on ? 1 : 0)
        this.log(on, report)
      },
    })
    this.delay = shedding && new LoopDelay((delayMs, now) => this.shedder.look(delayMs, now))
  }

  /** Lets a request in, or answers it. Before any plugin has run for it: what is refused must cost next to nothing. */
  admits(session: GatewaySession): boolean {
    const { ctx } = session
    if (this.shedder.admit(ctx.urgency)) return (ctx.shedderCounts = true)
    this.counters[ctx.urgency].add(1)
    session.respond(503, PAGE, this.fields)
    return false
  }

  finished(): void {
    this.shedder.finished()
  }

  stop(): void {
    this.delay?.stop()
  }

  private log(on: boolean, { delayMs, arriving, admitted, shed }: ShedderReport): void {
    const fields = { event_loop_delay_ms: Math.round(delayMs), requests: Math.round(arriving) }
    if (on)
      this.logger.warn(
        { ...fields, admitted: Math.round(admitted) },
        'overloaded: the least urgent requests are refused',
      )
    else this.logger.info({ ...fields, shed }, 'no longer overloaded: all requests are served')
  }
}

/** The part of the time since the last call that the event loop of this thread was busy. */
function loopUtilisation(): () => number {
  let before = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return utilization
  }
}

const PAGE = '{"error_msg":"503 Service Unavailable","reason":"OVERLOADED"}\n'
