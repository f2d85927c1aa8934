const LEVELS = ['info', 'warn', 'off'] as const
export type LogLevel = (typeof LEVELS)[number]

export const isLogLevel = (text: string): text is LogLevel => (LEVELS as readonly string[]).includes(text)
export const LOG_LEVELS: readonly string[] = LEVELS

export type LogFields = Readonly<Record<string, string | number | undefined>>

export interface Log {
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
}

/** One line of JSON for each event: `{"time":"2026-11-21T15:00:00.000Z","level":"info","msg":"call",…}`. */
export function createLog(level: LogLevel, write: (line: string) => void): Log {
  const least = LEVELS.indexOf(level)
  const at =
    (name: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (LEVELS.indexOf(name) < least) return
      write(`${JSON.stringify({ time: new Date().toISOString(), level: name, msg: message, ...fields })}\n`)
    }
  return { info: at('info'), warn: at('warn') }
}
