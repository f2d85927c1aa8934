import { randomUUID } from 'node:crypto'
import { runFunction, type Runner, type RunOutcome } from '../async/run-function.ts'
import { traceIdOf } from '../control-api/request-ids.ts'
import { failedItems } from './batch-answer.ts'
import type { MappingOptions } from './mapping-options.ts'
import type { Poller, SourceRecord } from './poller.ts'

/** Between tries of a batch, doubled by each. */
const MIN_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 60_000

export interface BatchParts {
  readonly runner: Runner
  readonly options: MappingOptions
  readonly poller: Poller
  /** Ends waits: the mapping stops. */
  readonly stop: AbortSignal
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Resolves when so much time has passed, or the signal has come. */
  readonly wait: (ms: number, stop: AbortSignal) => Promise<void>
  /** They are given up; resolves when somebody has been told, or nobody is to be. */
  readonly discard: (discarded: Discarded) => Promise<void>
  readonly onResult: (result: string) => void
}

/** Records that were given up, and why. */
export interface Discarded {
  readonly condition: 'RetryAttemptsExhausted' | 'RecordAgeExceeded'
  readonly records: readonly SourceRecord[]
  readonly requestId: string
  readonly attempts: number
  /** undefined: the function did not run. */
  readonly last: Extract<RunOutcome, { kind: 'ran' }> | undefined
}

const OK = 'OK'

/** Takes batches through to their end: done, given up, or left for later because the mapping stops. */
export class BatchRunner {
  readonly #parts: BatchParts

  constructor(parts: BatchParts) {
    this.#parts = parts
  }

  /** Rejects when the source does. */
  async run(records: readonly SourceRecord[]): Promise<void> {
    if (this.#parts.poller.ordered) await this.#inOrder(records)
    else await this.#each(records)
  }

  /** Nothing behind a record goes on before it has. */
  async #inOrder(all: readonly SourceRecord[]): Promise<void> {
    const { options, poller, stop } = this.#parts
    let records = all
    let tries = 0
    for (let refusals = 0; records.length > 0 && !stop.aborted;) {
      const { requestId, outcome, failed } = await this.#invoke(records)
      if (outcome.kind === 'ran') {
        tries++
        refusals = 0
      } else refusals++
      const done = failed[0] ?? records.length
      if (done > 0) {
        await poller.settle(records.slice(0, done))
        records = records.slice(done)
        // The one that is first now was tried once.
        tries = 1
      }
      records = await this.#withoutOld(records, requestId, tries, outcome)
      if (records.length === 0) return
      if (outcome.kind === 'ran' && options.bisects && records.length > 1) {
        const half = Math.ceil(records.length / 2)
        await this.#inOrder(records.slice(0, half))
        records = records.slice(half)
        tries = 0
      } else if (outcome.kind === 'ran' && options.maxRetries >= 0 && tries > options.maxRetries) {
        await this.#giveUp({ condition: 'RetryAttemptsExhausted', records, requestId, attempts: tries, last: outcome })
        return
      } else await this.#parts.wait(backoff(outcome.kind === 'ran' ? tries : refusals), stop)
    }
  }

  /** Each record has a life of its own: the source hands it out again. */
  async #each(records: readonly SourceRecord[]): Promise<void> {
    const { options, poller, stop, now } = this.#parts
    let { requestId, outcome, failed } = await this.#invoke(records)
    for (let attempts = 1; outcome.kind !== 'ran' && !stop.aborted; attempts++) {
      await this.#parts.wait(backoff(attempts), stop)
      if (stop.aborted) return
      ;({ requestId, outcome, failed } = await this.#invoke(records))
    }
    if (outcome.kind !== 'ran') return
    if (options.bisects && failed.length === records.length && records.length > 1) {
      const half = Math.ceil(records.length / 2)
      await this.#each(records.slice(0, half))
      await this.#each(records.slice(half))
      return
    }
    const bad = new Set(failed)
    const done = records.filter((_, i) => !bad.has(i))
    if (done.length > 0) await poller.settle(done)
    const again = new Map<number, SourceRecord[]>()
    for (const index of failed) {
      const record = records[index]!
      const attempts = record.deliveries + 1
      const old = options.maxAgeMs !== undefined && now() - record.at > options.maxAgeMs
      const tired = options.maxRetries >= 0 && attempts > options.maxRetries
      if (old || tired) {
        const condition = old ? 'RecordAgeExceeded' : 'RetryAttemptsExhausted'
        await this.#giveUp({ condition, records: [record], requestId, attempts, last: outcome })
      } else again.set(backoff(attempts), [...(again.get(backoff(attempts)) ?? []), record])
    }
    for (const [delay, some] of again) await poller.retry(some, delay)
  }

  /** @returns `failed`: indices of records that are not done */
  async #invoke(records: readonly SourceRecord[]) {
    const { runner, options, poller, onResult } = this.#parts
    const requestId = randomUUID()
    const outcome = await runFunction(runner, {
      requestId,
      functionName: options.functionName,
      qualifier: options.qualifier,
      payload: Buffer.from(JSON.stringify(poller.eventOf(records))),
      traceId: traceIdOf(undefined, requestId),
      clientContext: undefined,
      tenantId: undefined,
    })
    const all = records.map((_, i) => i)
    let failed: readonly number[] = all
    if (outcome.kind === 'ran' && outcome.result.functionError === undefined)
      failed = options.reportsFailures ? (failedItems(outcome.result.payload, records) ?? all) : []
    onResult(
      failed.length === 0
        ? OK
        : outcome.kind === 'ran'
          ? 'PROBLEM: Function call failed'
          : `PROBLEM: ${outcome.error.message}`,
    )
    return { requestId, outcome, failed }
  }

  async #withoutOld(
    records: readonly SourceRecord[],
    requestId: string,
    attempts: number,
    outcome: RunOutcome,
  ): Promise<readonly SourceRecord[]> {
    const { options, now } = this.#parts
    if (options.maxAgeMs === undefined) return records
    if (records.length === 0) return records
    const oldest = now() - options.maxAgeMs
    const fresh = records.findIndex(({ at }) => at >= oldest)
    const old = fresh < 0 ? records : records.slice(0, fresh)
    const last = outcome.kind === 'ran' ? outcome : undefined
    if (old.length > 0) await this.#giveUp({ condition: 'RecordAgeExceeded', records: old, requestId, attempts, last })
    return fresh < 0 ? [] : records.slice(fresh)
  }

  async #giveUp(discarded: Discarded): Promise<void> {
    await this.#parts.discard(discarded)
    // Nobody may have been told when the mapping stops meanwhile: then they come again.
    if (!this.#parts.stop.aborted) await this.#parts.poller.settle(discarded.records)
  }
}

const backoff = (attempts: number): number => Math.min(MIN_BACKOFF_MS * 2 ** Math.min(attempts - 1, 10), MAX_BACKOFF_MS)
