/**
 * Not by `import`: that evaluates every export of the module, and with `fs.promises` come readline, streams and more, in
 * every thread: 0.9 MB on Node 20, 2.1 MB on Node 24 in a supervisor that needs nothing but `write(2)`.
 */
const { writeSync } = process.getBuiltinModule('node:fs')

/** The three levels that process life needs. A pino logger fits as it is. */
export interface ServerLogger {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/**
 * Lines on standard error by `write(2)`. Not `console`: that builds a stream over the descriptor (0.3 MB in a supervisor
 * that says three lines a day), and a terminal or pipe that went away would come back as an 'error' event and end the process.
 */
export const stderrLogger: ServerLogger = {
  info: (message) => write('info', message),
  warn: (message) => write('warn', message),
  error: (message) => write('error', message),
}

function write(level: string, message: string): void {
  try {
    writeSync(2, `${new Date().toISOString()} ${level} [${process.pid}] ${message}\n`)
  } catch {
    // A full or closed pipe: a lost line is better than a lost gateway.
  }
}

/**
 * Why something did not come about, as text: the message of an error, which says what to do where somebody thought of it. What nobody
 * thought of (a TypeError and its like), and everything with `SEKISHO_DEBUG=1`, comes with its stack.
 */
export function describeFailure(error: unknown): string {
  const unexpected =
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  if (error instanceof Error && error.message !== '' && !unexpected && process.env['SEKISHO_DEBUG'] !== '1')
    return error.message
  return describeError(error)
}

/** An unknown thrown value as text: the stack of an error, for it names the line; anything else as it prints. */
export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
