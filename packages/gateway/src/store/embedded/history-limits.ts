import type { EmbeddedDatabase } from './database.ts'
import type { StoreState } from './records.ts'

/** What is older than any of these goes. The newest entry always stays. */
export interface HistoryLimits {
  readonly entries: number
  readonly ageMs: number
  readonly bytes: number
}

export const HISTORY_LIMITS: HistoryLimits = {
  entries: 10_000,
  ageMs: 90 * 24 * 60 * 60 * 1_000,
  bytes: 256 * 1024 * 1024,
}

/** One commit adds one entry, so this catches up even after the limits were lowered, and no commit takes long for it. */
const MAX_PRUNED_PER_COMMIT = 100

/** Removes what is beyond the limits, within the transaction that adds an entry. */
export function pruneHistory(database: EmbeddedDatabase, state: StoreState, limits: HistoryLimits, now: number): void {
  for (let pruned = 0; pruned < MAX_PRUNED_PER_COMMIT && state.firstRevision < state.revision; pruned++) {
    const header = database.historyHeader(state.firstRevision)
    const kept = state.revision - state.firstRevision + 1
    if (kept <= limits.entries && state.historyBytes <= limits.bytes && now - header.time <= limits.ageMs) return
    database.removeHistory(state.firstRevision, header)
    state.historyBytes -= header.bytes
    state.firstRevision++
  }
}
