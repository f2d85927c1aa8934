import type { PlatformLogger } from '@sekisho/functions/internal/platform/options'
import { say } from '../../failure.ts'

/** One JSON line each on standard error, in the form of the gateway's error log. */
export const engineLogger: PlatformLogger = {
  info: (fields, message) => line('info', fields, message),
  warn: (fields, message) => line('warn', fields, message),
  error: (fields, message) => line('error', fields, message),
}

function line(level: string, fields: object, message: string): void {
  const { err, ...rest } = fields as { err?: unknown }
  const stack = err instanceof Error ? { err: err.stack } : {}
  say(JSON.stringify({ level, time: new Date().toISOString(), msg: message, ...rest, ...stack }))
}
