/** One event of a function's log. */
export interface LogRecord {
  /** Milliseconds since 1970. */
  readonly timeMs: number
  /** Of the environment: `2026/11/21/[$LATEST]<32 hex digits>`. */
  readonly stream: string
  /** Without the line's end; may have line breaks inside. */
  readonly text: string
}

/** Where one environment's log events go. */
export interface LogWriter {
  write(text: string, timeMs: number): void
}

/** What the engine needs of a log store. */
export interface FunctionLogs {
  /** @param stream the name of the environment's log stream */
  writer(functionName: string, stream: string): LogWriter
}

/** Logs that nobody keeps. */
export const NO_LOGS: FunctionLogs = { writer: () => ({ write: () => undefined }) }
