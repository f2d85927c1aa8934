import { writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { type Level, type Logger, pino, stdTimeFunctions } from 'pino'
import { formatForTerminal } from './error-line.ts'
import { type LogTarget, openLogTarget } from './log-target.ts'

export type ErrorLogLevel = Level | 'silent'

export interface ErrorLogOptions {
  /** Default `info`. */
  readonly level?: ErrorLogLevel
  /** `stderr` (default), `stdout` or a file. */
  readonly path?: string
  /** One line of text instead of JSON; default: whether it goes to a terminal. */
  readonly pretty?: boolean
  /** Stands in every line: which worker, say. */
  readonly bindings?: Readonly<Record<string, string | number>>
}

/** The error log of one thread. Made once; `logger.child` for the parts. */
export interface ErrorLog {
  readonly logger: Logger
  /** Lines that were dropped because nobody read the pipe, or the disk was full. */
  readonly dropped: number
  /** Opens the file anew, after it was renamed (SIGUSR1). When that fails the old one is kept, and a line in it says so. */
  reopen(): void
}

/**
 * Lines are written at once and one by one, unlike those of the access log: the last words before a crash are the ones that are
 * looked for. To a pipe without waiting; a line that it does not take is dropped and counted, as clients can cause
 * warnings faster than somebody reads them.
 *
 * @throws the system's error when the file cannot be opened
 */
export function createErrorLog(options: ErrorLogOptions = {}): ErrorLog {
  const path = options.path ?? 'stderr'
  let target: LogTarget = openLogTarget(path)
  const pretty = options.pretty ?? isatty(target.fd)
  let dropped = 0
  // A line of more than a pipe's atomic size may have been taken in part: the next one must not be glued to it.
  let torn = false
  const write = (line: string): void => {
    const bytes = Buffer.from(`${torn ? '\n' : ''}${pretty ? formatForTerminal(line) : line}`)
    let written = 0
    try {
      while (written < bytes.length) written += writeSync(target.fd, bytes, written)
      torn = false
    } catch {
      // There is nowhere to say it.
      dropped++
      torn = torn || written > 0
    }
  }
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: { pid: process.pid, ...options.bindings },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  )
  return {
    logger,
    get dropped() {
      return dropped
    },
    reopen: () => {
      try {
        const opened = openLogTarget(path)
        target.close()
        target = opened
      } catch (error) {
        logger.error({ err: error }, 'the error log cannot be opened anew')
      }
    },
  }
}
