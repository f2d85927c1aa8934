import type { Counter } from '../../observability/metrics/index.ts'
import { METRICS } from '../../observability/metrics/index.ts'
import type { GatewaySession } from '../../session.ts'
import type { PluginContext } from '../context.ts'

/** What a limit does when its Redis is away. */
export interface UncountedOptions {
  readonly allow_degradation?: boolean | undefined
  readonly redis_fallback?: 'none' | 'local' | undefined
}

/**
 * What becomes of requests that are not counted because Redis is away: they pass, unless `allow_degradation` is false, or are counted by this node
 * alone. Which it is can be seen in the metrics; the log tells when Redis goes and comes.
 */
export class Uncounted {
  /** Whether this node counts them. */
  readonly isLocal: boolean
  private readonly plugin: string
  private readonly passes: boolean
  private readonly count: Counter

  constructor(
    plugin: string,
    options: UncountedOptions,
    { metrics, scope: place }: Pick<PluginContext, 'metrics' | 'scope'>,
  ) {
    this.plugin = plugin
    this.isLocal = options.redis_fallback === 'local'
    this.passes = options.allow_degradation !== false
    const result = this.isLocal ? 'local' : this.passes ? 'passed' : 'refused'
    this.count = metrics.counter(METRICS.limitUncounted, { plugin, place, result })
  }

  /** @returns whether the request goes on */
  answer(session: GatewaySession): boolean {
    this.count.add(1)
    if (this.isLocal || this.passes) return true
    session.respond(500, { error_msg: `${this.plugin}: the limit of this request cannot be determined` })
    return false
  }
}
