/** Something that holds log entries for a while: a queue, a file. */
export interface OpenLog {
  /** Hands over what waits. Resolves with false when that took longer than the deadline. */
  flush(deadlineMs: number): Promise<boolean>
  /** Of a file: opens it anew, after it was renamed. */
  reopen?(): void
}

/** Those of this thread. */
const open = new Set<OpenLog>()

/** How long a worker that stops waits for its log sinks: longer than a healthy one takes, shorter than its own time to stop. */
export const FLUSH_DEADLINE_MS = 3_000

export const logOpened = (log: OpenLog): void => void open.add(log)
export const logClosed = (log: OpenLog): void => void open.delete(log)

/** What waits in this thread is handed over, as far as the sinks take it within the deadline. For a worker that stops. */
export async function flushLogs(deadlineMs = FLUSH_DEADLINE_MS): Promise<void> {
  await Promise.all([...open].map((log) => log.flush(deadlineMs)))
}

/** Files were renamed (SIGUSR1). */
export function reopenPluginLogs(): void {
  for (const log of open) log.reopen?.()
}
