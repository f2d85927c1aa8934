/**
 * Installs handlers for signals; a signal that has one no longer has its default action (which for all of them, and
 * for SIGUSR1 under Node the start of the inspector, is unwanted here). Returns what removes them again.
 */
export function onSignals(handlers: Partial<Record<NodeJS.Signals, () => void>>): () => void {
  const entries = Object.entries(handlers) as [NodeJS.Signals, () => void][]
  for (const [signal, handler] of entries) process.on(signal, handler)
  return () => {
    for (const [signal, handler] of entries) process.removeListener(signal, handler)
  }
}

/** The exit status that a shell reports for a process ended by a signal. */
export function exitStatusOf(signal: 'SIGINT' | 'SIGTERM'): number {
  return signal === 'SIGINT' ? 130 : 143
}
