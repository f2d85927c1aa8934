import { setTimeout as pause } from 'node:timers/promises'
import { StoreError } from '../../backend/store-error.ts'
import type { EtcdClient } from '../client/etcd-client.ts'
import type { Compare } from '../messages/messages.ts'
import type { Layout } from '../layout.ts'

/** What a commit works with. */
export interface CommitContext {
  readonly client: EtcdClient
  readonly layout: Layout
  /** performance.now() of its end. */
  readonly deadline: number
  readonly onProblem: (error: unknown) => void
}

/** A large commit of another node takes seconds. */
export const COMMIT_TIMEOUT_MS = 10_000
/** Of 50,000 documents: some seconds, and others may be in front. */
export const LARGE_COMMIT_TIMEOUT_MS = 60_000
const PAUSE_MS = 50

/** Holds when no large commit is being prepared or copied. */
export const noLargeCommit = (layout: Layout): Compare[] => [
  { key: layout.lock, is: 'equal', createRevision: 0 },
  { key: layout.marker, is: 'equal', createRevision: 0 },
]

/** Before the next attempt. Rejects when there is no time for one. */
export async function pauseBeforeRetry(deadline: number, why: string): Promise<void> {
  if (performance.now() + PAUSE_MS > deadline) throw new StoreError(why)
  await pause(PAUSE_MS * (0.5 + Math.random()))
}
