import type { ErrorLog } from '../config/settings/logs.ts'
import type { ErrorLog as OpenErrorLog } from '../observability/error-log.ts'
import type { PluginLogger } from '../plugins/context.ts'

export type LogLevel = 'error' | 'warn' | 'info'

/** Lines that may wait while pino is being loaded (some 30 ms). */
const MAX_WAITING = 1_000

/** The error log of a thread, which loads pino (8 MB in each thread) when there is something to say. */
export interface LazyErrorLog extends PluginLogger {
  reopen(): void
  /** Gets every line too, of any level: `error-log-logger`. */
  tap: ((level: LogLevel, fields: object, message: string) => void) | undefined
  /** The same log for who follows the tap: what it says itself does not come back to it. */
  readonly untapped: PluginLogger
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

export function lazyErrorLog(settings: ErrorLog, bindings: Readonly<Record<string, string | number>>): LazyErrorLog {
  let log: OpenErrorLog | undefined
  let loading = false
  const waiting: { level: LogLevel; fields: object; message: string }[] = []
  const threshold = LEVELS.indexOf(settings.level)

  const load = async (): Promise<void> => {
    loading = true
    const { createErrorLog } = await import('../observability/error-log.ts')
    log = createErrorLog({ level: settings.level, path: settings.path, bindings })
    for (const { level, fields, message } of waiting.splice(0)) log.logger[level](fields, message)
  }
  const write = (level: LogLevel, fields: object, message: string): void => {
    if (LEVELS.indexOf(level) < threshold) return
    if (log !== undefined) log.logger[level](fields, message)
    else {
      if (waiting.length < MAX_WAITING) waiting.push({ level, fields, message })
      if (!loading)
        load().catch((error: unknown) => process.stderr.write(`the error log cannot be opened: ${String(error)}\n`))
    }
  }
  const writer = (level: LogLevel) => (fields: object, message: string) => write(level, fields, message)
  const untapped = { error: writer('error'), warn: writer('warn'), info: writer('info') }
  const lazy: LazyErrorLog = {
    error: (fields, message) => tell('error', fields, message),
    warn: (fields, message) => tell('warn', fields, message),
    info: (fields, message) => tell('info', fields, message),
    reopen: () => log?.reopen(),
    tap: undefined,
    untapped,
  }
  const tell = (level: LogLevel, fields: object, message: string): void => {
    lazy.tap?.(level, fields, message)
    write(level, fields, message)
  }
  return lazy
}
