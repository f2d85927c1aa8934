import { BackOff, jittered } from '../back-off.ts'
import type { FoundNode, ServiceListener } from '../source.ts'
import { wait } from '../wait.ts'

export interface PollOptions {
  readonly intervalMs: number
  /** Rejects with words when the registry cannot be asked. */
  readonly ask: (signal: AbortSignal) => Promise<readonly FoundNode[]>
  readonly listener: ServiceListener
}

/** Asks again and again, in jittered intervals, further apart while it fails. Returns what ends it. */
export function poll({ intervalMs, ask, listener }: PollOptions): () => void {
  const stop = new AbortController()
  const { signal } = stop
  const backOff = new BackOff()
  void (async () => {
    while (!signal.aborted) {
      let waitMs = jittered(intervalMs)
      try {
        const nodes = await ask(signal)
        if (signal.aborted) return
        backOff.reset()
        listener.found(nodes)
      } catch (error) {
        if (signal.aborted) return
        listener.failed(error as Error)
        waitMs = Math.min(backOff.next(), intervalMs)
      }
      await wait(waitMs, signal)
    }
  })()
  return () => stop.abort()
}
