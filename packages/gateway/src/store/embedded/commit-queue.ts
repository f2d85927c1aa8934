import { StoreError } from '../backend/store-error.ts'
import { applyCommit, type CommitOutcome, type CommitRequest } from './apply-commit.ts'
import type { EmbeddedDatabase } from './database.ts'
import type { HistoryLimits } from './history-limits.ts'

/** Commits of one turn of the event loop. A transaction takes a millisecond or so on an SSD: who sends more has a bug. */
export const MAX_PENDING_COMMITS = 10_000

export const MAX_PENDING_BYTES = 128 * 1024 * 1024

export interface CommitQueueOptions {
  readonly database: EmbeddedDatabase
  /** What the state names from the first commit on: another name means that another process has taken the store over. */
  readonly writer: string
  readonly limits: HistoryLimits
  readonly now: () => number
  /** The commit is on the disk; called in the order of revisions, before its promise resolves. */
  readonly onCommitted: (outcome: CommitOutcome) => void
}

interface Job {
  /** Called within the transaction. */
  readonly request: () => CommitRequest
  readonly bytes: number
  readonly resolve: (outcome: CommitOutcome) => void
  readonly reject: (error: unknown) => void
}

/** Commits that come in one turn share one transaction: waiting for the disk is nearly all that a commit costs. */
export class CommitQueue {
  readonly #options: CommitQueueOptions
  #jobs: Job[] = []
  #bytes = 0
  #scheduled: NodeJS.Immediate | undefined
  /** Our name is in the state. */
  #entered = false

  constructor(options: CommitQueueOptions) {
    this.#options = options
  }

  /** @param bytes what the request holds in memory, about */
  add(request: () => CommitRequest, bytes: number): Promise<CommitOutcome> {
    if (this.#jobs.length >= MAX_PENDING_COMMITS || (this.#jobs.length > 0 && this.#bytes + bytes > MAX_PENDING_BYTES))
      return Promise.reject(
        new StoreError(
          `${this.#jobs.length} commits of ${this.#bytes} bytes are waiting for the store: wait for some before sending more`,
        ),
      )
    return new Promise((resolve, reject) => {
      this.#jobs.push({ request, bytes, resolve, reject })
      this.#bytes += bytes
      this.#scheduled ??= setImmediate(() => this.flush())
    })
  }

  /** Does now what is waiting. */
  flush(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    const jobs = this.#jobs
    this.#jobs = []
    this.#bytes = 0
    if (jobs.length === 0 || this.#run(jobs, jobs.length === 1)) return
    // One of them is the reason: the others must not suffer from it.
    for (const job of jobs) this.#run([job], true)
  }

  /** @returns false when nothing was written, and nobody was told since `last` is false */
  #run(jobs: readonly Job[], last: boolean): boolean {
    let outcomes: CommitOutcome[]
    try {
      outcomes = this.#write(jobs)
    } catch (error) {
      const explained = error instanceof StoreError ? error : this.#explain(error)
      if (last) for (const job of jobs) job.reject(explained)
      return last
    }
    for (const [index, outcome] of outcomes.entries()) {
      this.#options.onCommitted(outcome)
      jobs[index]!.resolve(outcome)
    }
    return true
  }

  #write(jobs: readonly Job[]): CommitOutcome[] {
    const { database, limits, now, writer } = this.#options
    const outcomes: CommitOutcome[] = []
    database.write(() => {
      const state = database.state()
      // The first commit enters the name: a store that is only read needs no room on the disk.
      if (this.#entered && state.writer !== writer)
        throw new StoreError('another process has taken the store over: nothing was written. Stop one of the two')
      const before = state.revision
      state.writer = writer
      for (const job of jobs) outcomes.push(applyCommit(database, state, job.request(), limits, now()))
      if (state.revision !== before || !this.#entered) database.putState(state)
    })
    this.#entered = true
    return outcomes
  }

  #explain(error: unknown): StoreError {
    const reason = error instanceof Error ? error.message : String(error)
    return new StoreError(
      `nothing was written to ${this.#options.database.file}: ${reason}. Look for a full disk or quota`,
      { cause: error },
    )
  }
}
