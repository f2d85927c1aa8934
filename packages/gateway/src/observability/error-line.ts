/** What stands in the columns of a terminal line, or says nothing to somebody who looks at it. */
const LEFT_OUT = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'err'])

/** Control characters: a value from a client must not steer the terminal. */
const CONTROL = /\p{Cc}/gu

/**
 * A JSON line of the error log as one line for people: `18:00:00.123 WARN  head refused reason="bad host" client=192.0.2.1`.
 * Errors are shown by their message and the first place in their stack. Times are UTC, as in the JSON.
 */
export function formatForTerminal(json: string): string {
  const fields = JSON.parse(json) as Record<string, unknown>
  const time = String(fields.time).slice(11, 23)
  let line = `${time} ${String(fields.level).toUpperCase().padEnd(5)}`
  if (fields.msg !== undefined) line += ` ${messageText(fields.msg)}`
  for (const [name, value] of Object.entries(fields))
    if (!LEFT_OUT.has(name)) line += ` ${clean(name)}=${valueText(value, true)}`
  if (isError(fields.err)) line += ` ${errorText(fields.err, fields.msg)}`
  return `${line}\n`
}

interface LoggedError {
  readonly type?: string
  readonly message?: string
  readonly stack?: string
}

function isError(value: unknown): value is LoggedError {
  return typeof value === 'object' && value !== null
}

/** pino takes the message of an error as the line's when there is none: it is not said twice then. */
function errorText(error: LoggedError, message: unknown): string {
  const place = /^\s+at (.*)$/m.exec(error.stack ?? '')?.[1]
  const name = error.message === message ? (error.type ?? 'Error') : `${error.type ?? 'Error'}: ${error.message ?? ''}`
  return clean(place === undefined ? name : `${name} (at ${place})`)
}

/** Messages are our own: those with several lines (rendered problems) keep them, indented so that nothing passes for a line of the log. */
const messageText = (message: unknown): string =>
  typeof message === 'string' ? message.trimEnd().split('\n').map(clean).join('\n  ') : valueText(message, false)

function valueText(value: unknown, quoted: boolean): string {
  if (typeof value !== 'string') return clean(JSON.stringify(value))
  return clean(quoted && /[\s"=]/.test(value) ? JSON.stringify(value) : value)
}

function clean(text: string): string {
  return text.replace(CONTROL, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
