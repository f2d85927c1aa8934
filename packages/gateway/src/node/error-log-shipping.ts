import type { Static } from 'typebox'
import type { NodeSettings } from '../config/settings/node-settings.ts'
import type { WorkerMetrics } from '../observability/metrics/index.ts'
import type { PluginContext } from '../plugins/context.ts'
import type { ErrorLogShipper } from '../plugins/logging/error-log-shipper.ts'
import { withDefaults } from '../resources/defaults.ts'
import type { Operation } from '../store/store.ts'
import type { LazyErrorLog, LogLevel } from './lazy-error-log.ts'

const PLUGIN = 'error-log-logger'

/** Lines that wait while the plugin is being loaded. */
const MAX_WAITING = 1_000

export interface ErrorLogShippingOptions {
  readonly log: LazyErrorLog
  readonly settings: NodeSettings
  /** Stands in every line: which thread. */
  readonly bindings: Readonly<Record<string, string | number>>
  /** Of a worker; the control thread counts nothing. */
  readonly metrics: WorkerMetrics | undefined
}

/** Lets the error log of this thread go to where the metadata of `error-log-logger` says. What is needed for it is loaded when it is there. */
export class ErrorLogShipping {
  private readonly options: ErrorLogShippingOptions
  private shipper: ErrorLogShipper | undefined
  private written: string | undefined
  private waiting: (readonly [LogLevel, string])[] = []

  constructor(options: ErrorLogShippingOptions) {
    this.options = options
  }

  /** Follows a change of the configuration. */
  apply(operations: readonly Operation[]): void {
    for (const { kind, id, value } of operations) if (kind === 'plugin_metadata' && id === PLUGIN) this.set(value)
  }

  /** @param metadata as it was written; undefined: there is none */
  set(metadata: object | undefined): void {
    const { log, settings } = this.options
    const allowed = settings.plugins?.includes(PLUGIN) !== false
    const written = metadata === undefined || !allowed ? undefined : JSON.stringify(metadata)
    if (written === this.written) return
    this.written = written
    this.shipper?.dispose()
    this.shipper = undefined
    if (written === undefined) log.tap = undefined
    else {
      log.tap = (level, fields, message) => this.take(level, this.line(level, fields, message))
      this.load(written).catch((err: unknown) => log.untapped.error({ err }, `${PLUGIN} could not be started`))
    }
  }

  private async load(written: string): Promise<void> {
    const [{ errorLogMetadata }, { errorLogShipper }] = await Promise.all([
      import('../plugins/error-log-logger.ts'),
      import('../plugins/logging/error-log-shipper.ts'),
    ])
    if (written !== this.written) return
    const { log, metrics } = this.options
    const { id: _id, ...metadata } = JSON.parse(written) as { id?: string }
    const context = {
      scope: `plugin_metadata/${PLUGIN}`,
      metrics: metrics as PluginContext['metrics'],
      logger: log.untapped,
    }
    const shipper = errorLogShipper(
      withDefaults(errorLogMetadata, metadata) as Static<typeof errorLogMetadata>,
      context,
    )
    this.shipper = shipper
    for (const [level, line] of this.waiting.splice(0)) shipper.take(level, line)
  }

  private take(level: LogLevel, line: string): void {
    if (this.shipper !== undefined) this.shipper.take(level, line)
    else if (this.waiting.length < MAX_WAITING) this.waiting.push([level, line])
  }

  private line(level: LogLevel, fields: object, msg: string): string {
    const time = new Date().toISOString()
    return JSON.stringify({ level, time, pid: process.pid, ...this.options.bindings, ...shown(fields), msg })
  }
}

/** Errors have no fields that JSON would show. */
function shown(fields: object): object {
  const { err } = fields as { err?: unknown }
  if (!(err instanceof Error)) return fields
  return { ...fields, err: { type: err.name, message: err.message, stack: err.stack } }
}
