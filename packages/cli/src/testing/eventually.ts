import { setTimeout as pause } from 'node:timers/promises'

/** 400 tries with 25 ms between them: ten seconds, of which a change takes less than one. */
const MAX_TRIES = 400
const BETWEEN_MS = 25

/** Looks again until the condition holds. For what another process does in its own time, and tells nobody. */
export async function eventually<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  for (let left = MAX_TRIES; ; left--) {
    const seen = await look()
    if (holds(seen)) return seen
    if (left === 0) throw new Error(`did not happen; last seen: ${JSON.stringify(seen)}`)
    await pause(BETWEEN_MS)
  }
}
