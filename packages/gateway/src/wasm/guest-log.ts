import type { PluginLogger } from '../plugins/context.ts'
import type { LogLevel } from './abi.ts'
import type { VmFailure } from './vm-failure.ts'

/** Lines of one filter in a second: beyond it a line says how many were left out. */
const MAX_LINES_PER_SECOND = 100

/** The same failure is told once in so long: a filter that traps does so at every request. */
const FAILURE_INTERVAL_MS = 10_000

/** What a filter writes into the gateway's log. */
export class GuestLog {
  private readonly fields: object
  private readonly name: string
  private readonly logger: PluginLogger
  private second = 0
  private lines = 0
  private dropped = 0
  private failure = ''
  private failureAt = -Infinity

  constructor(name: string, scope: string, logger: PluginLogger) {
    this.name = name
    this.fields = { plugin: name, place: scope }
    this.logger = logger
  }

  line(level: LogLevel, message: string): void {
    const second = Math.floor(performance.now() / 1_000)
    if (second !== this.second) {
      this.second = second
      this.lines = 0
      const { dropped } = this
      this.dropped = 0
      if (dropped > 0) this.logger.warn(this.fields, `${this.name}: ${dropped} lines of the filter were left out`)
    }
    if (++this.lines > MAX_LINES_PER_SECOND) {
      this.dropped++
      return
    }
    const method = level === 'error' || level === 'critical' ? 'error' : level === 'warn' ? 'warn' : 'info'
    this.logger[method](this.fields, `${this.name}: ${message}`)
  }

  failed(failure: VmFailure, policy: 'closed' | 'open'): void {
    const now = performance.now()
    if (failure.message === this.failure && now - this.failureAt < FAILURE_INTERVAL_MS) return
    this.failure = failure.message
    this.failureAt = now
    const consequence = policy === 'open' ? 'requests pass it by' : 'requests are refused'
    this.logger.error({ ...this.fields, err: failure }, `${this.name} fails: ${failure.message}; ${consequence}`)
  }
}
