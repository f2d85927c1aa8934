import { LogThrottle } from '@sekisho/proxy'
import type { Counter, MetricDefinition, WorkerMetrics } from '../../observability/metrics/index.ts'
import { type FailureKind, ScriptFailure } from '../../scripts/index.ts'
import type { PluginLogger } from '../context.ts'

const FAILURES: MetricDefinition<'plugin' | 'reason'> = {
  name: 'sekisho_script_failures_total',
  type: 'counter',
  help: 'Functions in the configuration that failed: they threw (error), ran too long (timeout), used too much (memory), or were not called for a while after that (resting).',
  labels: ['plugin', 'reason'],
}

/** Counts and logs what functions do wrong: one line of a kind in a second, with how many there were. */
export class Failures {
  private readonly plugin: string
  private readonly scope: string
  private readonly logger: PluginLogger
  private readonly metrics: WorkerMetrics | undefined
  private readonly throttle = new LogThrottle()
  private readonly counters = new Map<FailureKind, Counter>()
  private unsaid = 0
  private rests = false

  constructor(plugin: string, scope: string, logger: PluginLogger, metrics: WorkerMetrics | undefined) {
    this.plugin = plugin
    this.scope = scope
    this.logger = logger
    this.metrics = metrics
  }

  /** @throws what is no failure of a function: it is for the gateway to answer */
  add(error: unknown): void {
    if (!(error instanceof ScriptFailure)) throw error
    const { kind, message } = error
    let counter = this.counters.get(kind)
    if (counter === undefined && this.metrics !== undefined)
      this.counters.set(kind, (counter = this.metrics.counter(FAILURES, { plugin: this.plugin, reason: kind })))
    counter?.add(1)
    // That it rests follows from what was said before, and is said once.
    const known = kind === 'resting' && this.rests
    this.rests = kind === 'resting'
    if (known || this.throttle.holds(kind)) {
      this.unsaid++
      return
    }
    const fields = { scope: this.scope, reason: kind, more: this.unsaid }
    this.unsaid = 0
    this.logger.error(fields, `${this.plugin}: ${placeOf(message)}${printable(message.split('\n', 1)[0] ?? '')}`)
  }
}

/** `functions[0]:3: ` of the innermost line of the configuration in a stack. */
function placeOf(message: string): string {
  const found = /(functions\[\d+\]):(\d+)/.exec(message)
  return found === null ? '' : `${found[1]}:${found[2]}: `
}

// eslint-disable-next-line no-control-regex
const printable = (text: string): string => text.replace(/[\0-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ')
