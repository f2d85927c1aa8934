import type { ProxyLogger } from './exchange/options.ts'

/** For programs without a logger of their own: one JSON line each on standard error, refused requests and lost clients left out. */
export const jsonLogger: ProxyLogger = {
  error: (fields, message) => line('error', fields, message),
  warn: (fields, message) => line('warn', fields, message),
  info: () => undefined,
}

function line(level: string, fields: object, message: string): void {
  const { err, ...rest } = fields as { err?: unknown }
  const stack = err instanceof Error ? { err: err.stack } : {}
  process.stderr.write(
    JSON.stringify({ level, time: new Date().toISOString(), msg: message, ...rest, ...stack }) + '\n',
  )
}
