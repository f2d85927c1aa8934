import { randomUUID } from 'node:crypto'
import type { QueuedInvocation } from '../async/event-queue.ts'
import type { Targets } from '../async/targets/targets.ts'
import { Timeline } from '../async/timeline.ts'
import type { FunctionCatalog } from '../catalog/function-catalog.ts'
import type { Scope } from '../catalog/names/arns.ts'
import { RecordTable } from '../catalog/records/record-table.ts'
import { traceIdOf } from '../control-api/request-ids.ts'
import { ServiceError } from '../model/service-error.ts'
import type { StateCondition, StateStore, StateWrite } from '../state/state-store.ts'
import { jitter, scheduleArn, scheduleEvent } from './schedule-event.ts'
import { isOnce, type Occurrences, parseSchedule } from './schedule-expression.ts'
import { SCHEDULE_RUNS, SCHEDULES, type ScheduleRecord, type ScheduleRun } from './schedule-record.ts'

/** Where an event becomes durable in the same commit that says that its time was taken care of. */
export interface ScheduleQueue {
  enqueueWith(
    invocation: QueuedInvocation,
    writes: readonly StateWrite[],
    conditions: readonly StateCondition[],
  ): Promise<boolean>
}

export interface SchedulerOptions {
  readonly state: StateStore
  readonly catalog: Pick<FunctionCatalog, 'resolve'>
  readonly queue: ScheduleQueue
  readonly targets: Targets
  readonly scope: Scope
  readonly onProblem: (fields: object, message: string) => void
  /** A time that passed while nobody was there is made up for within so long: only the last one of a schedule. */
  readonly missedWindowMs?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const MISSED_WINDOW_MS = 3_600_000
/** Between tries to hand an event over, doubled by each. */
const MIN_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 60_000

/** One time of a schedule that is due. */
interface Due {
  readonly id: string
  /** Of the schedule that it was planned for: a changed one is planned anew. */
  readonly revision: number
  readonly scheduledAt: number
  /** From 1 on. */
  readonly attempt: number
  /** When it was tried first. */
  readonly firstTry: number
}

export interface ScheduleCounts {
  runs: number
  missed: number
  failed: number
}

/**
 * Runs schedules. Every node that shares the state has all of them in mind; whoever commits a time first has it, by a condition on the record of the
 * last one, and the event is in that commit: neither twice nor never.
 */
export class Scheduler {
  readonly schedules: RecordTable<ScheduleRecord>
  readonly runs: RecordTable<ScheduleRun>
  readonly counts: ScheduleCounts = { runs: 0, missed: 0, failed: 0 }
  readonly #options: SchedulerOptions
  readonly #now: () => number
  readonly #timeline: Timeline<Due>
  readonly #occurrences = new Map<string, { readonly revision: number; readonly occurrences: Occurrences }>()
  readonly #running = new Set<Promise<void>>()
  #closed = false

  private constructor(options: SchedulerOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#timeline = new Timeline(this.#now, (due) => this.#fire(due))
    this.schedules = new RecordTable(options.state, SCHEDULES)
    this.runs = new RecordTable(options.state, SCHEDULE_RUNS)
  }

  static async open(options: SchedulerOptions): Promise<Scheduler> {
    const scheduler = new Scheduler(options)
    await scheduler.runs.open()
    await scheduler.schedules.open()
    for (const id of scheduler.schedules.ids()) scheduler.#plan(id)
    scheduler.schedules.onChange((id, now) => {
      if (now === undefined) scheduler.#occurrences.delete(id)
      else scheduler.#plan(id)
    })
    return scheduler
  }

  /** No more runs; those under way are handed over first. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timeline.clear()
    await Promise.all(this.#running)
    this.schedules.close()
    this.runs.close()
  }

  /** In the Prometheus text format. */
  metrics(): string {
    if (this.schedules.size === 0) return ''
    const line = (name: keyof ScheduleCounts, help: string) => {
      const full = `sekisho_schedule_${name}_total`
      return `# HELP ${full} ${help}\n# TYPE ${full} counter\n${full} ${this.counts[name]}\n`
    }
    return (
      line('runs', 'Times of schedules that became events on this node.') +
      line('missed', 'Times of schedules that passed while nobody was there, and were not made up for.') +
      line('failed', 'Times of schedules whose event could not be handed over.')
    )
  }

  /** The next time of a schedule, or the last that was missed, if that is not long ago. */
  #plan(id: string): void {
    const entry = this.schedules.entry(id)
    if (this.#closed || entry === undefined || !entry.value.enabled) return
    const { value: schedule, revision } = entry
    const occurrences = this.#occurrencesOf(id, schedule, revision)
    if (occurrences === undefined) return
    const now = this.#now()
    const scheduledAt = this.#nextOf(id, schedule, occurrences, now)
    if (scheduledAt === undefined || (schedule.endAt !== undefined && scheduledAt > schedule.endAt)) return
    this.#timeline.add(scheduledAt + jitter(schedule, scheduledAt), {
      id,
      revision,
      scheduledAt,
      attempt: 1,
      firstTry: 0,
    })
  }

  #nextOf(id: string, schedule: ScheduleRecord, occurrences: Occurrences, now: number): number | undefined {
    // A change makes up for nothing: what was before it was another schedule.
    const from = Math.max(this.runs.get(id)?.last ?? 0, schedule.modifiedAt - 1, (schedule.startAt ?? 0) - 1)
    const window = this.#options.missedWindowMs ?? MISSED_WINDOW_MS
    const earliest = now - window - (schedule.windowMinutes ?? 0) * 60_000
    let next = occurrences.after(Math.max(from, earliest - 1))
    if (from < earliest) {
      const lost = occurrences.after(from)
      if (lost !== undefined && lost < earliest && lost !== next) this.counts.missed++
    }
    // The last one that has passed stands for all before it.
    const isPast = (at: number) => at + jitter(schedule, at) <= now
    for (;;) {
      const following = next === undefined || !isPast(next) ? undefined : occurrences.after(next)
      if (following === undefined || !isPast(following)) return next
      this.counts.missed++
      next = following
    }
  }

  #occurrencesOf(id: string, schedule: ScheduleRecord, revision: number): Occurrences | undefined {
    const known = this.#occurrences.get(id)
    if (known?.revision === revision) return known.occurrences
    const occurrences = parseSchedule(schedule.expression, schedule.timezone, schedule.startAt ?? schedule.createdAt)
    if (typeof occurrences === 'string') {
      this.#options.onProblem({ schedule: id, problem: occurrences }, 'a schedule cannot be read')
      return undefined
    }
    this.#occurrences.set(id, { revision, occurrences })
    return occurrences
  }

  #fire(due: Due): void {
    if (this.schedules.entry(due.id)?.revision !== due.revision) return
    const running = this.#run(due).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Never rejects. */
  async #run(due: Due): Promise<void> {
    const { id, scheduledAt } = due
    const schedule = this.schedules.get(id)!
    const run = this.runs.entry(id)
    // Another node was faster.
    if (run !== undefined && run.value.last >= scheduledAt) {
      this.#plan(id)
      return
    }
    const firstTry = due.firstTry || this.#now()
    const condition = { key: this.runs.key(id), revision: run?.revision ?? 0 }
    try {
      const kept = await this.#options.queue.enqueueWith(this.#invocation(schedule, due), this.#writes(due, schedule), [
        condition,
      ])
      if (kept) this.counts.runs++
      else await this.runs.refresh(id)
    } catch (error) {
      if (this.#retry({ ...due, firstTry }, schedule, error)) return
      await this.#giveUp(due, schedule, error, condition)
    }
    this.#plan(id)
  }

  #invocation(schedule: ScheduleRecord, { scheduledAt, attempt }: Due): QueuedInvocation {
    const { catalog, scope } = this.#options
    const { function: fn, invokedArn } = catalog.resolve(schedule.target.arn, undefined)
    const requestId = randomUUID()
    return {
      requestId,
      functionName: fn.name,
      qualifier: invokedArn === fn.arn ? undefined : invokedArn.slice(fn.arn.length + 1),
      invokedArn,
      payload: Buffer.from(scheduleEvent(schedule, scope, scheduledAt, requestId, attempt)),
      traceId: traceIdOf(undefined, requestId),
      clientContext: undefined,
      tenantId: undefined,
    }
  }

  /** This time is taken care of; a schedule without further ones is removed if it says so. */
  #writes({ id, scheduledAt }: Due, schedule: ScheduleRecord): StateWrite[] {
    const last = { key: this.runs.key(id), value: JSON.stringify({ last: scheduledAt } satisfies ScheduleRun) }
    if (schedule.afterCompletion !== 'DELETE' || !this.#isLast(id, schedule, scheduledAt)) return [last]
    return [
      { key: last.key, value: undefined },
      { key: this.schedules.key(id), value: undefined },
    ]
  }

  #isLast(id: string, schedule: ScheduleRecord, scheduledAt: number): boolean {
    if (isOnce(schedule.expression)) return true
    const next = this.#occurrences.get(id)?.occurrences.after(scheduledAt)
    return next === undefined || (schedule.endAt !== undefined && next > schedule.endAt)
  }

  /** @returns false: that was the last try */
  #retry(due: Due, { target }: ScheduleRecord, error: unknown): boolean {
    if (this.#closed) return true
    const later =
      !(error instanceof ServiceError) || error.status >= 500 || error.status === 429 || error.status === 409
    const wait = Math.min(MIN_BACKOFF_MS * 2 ** Math.min(due.attempt - 1, 10), MAX_BACKOFF_MS)
    const at = this.#now() + wait
    if (!later || due.attempt > target.maximumRetryAttempts || at - due.firstTry > target.maximumEventAge * 1_000)
      return false
    this.#timeline.add(at, { ...due, attempt: due.attempt + 1 })
    return true
  }

  async #giveUp(due: Due, schedule: ScheduleRecord, error: unknown, condition: StateCondition): Promise<void> {
    const { state, targets, scope, onProblem } = this.#options
    this.counts.failed++
    onProblem({ schedule: due.id, function: schedule.target.arn, error }, 'a schedule could not call its function')
    try {
      if (!(await state.commit(this.#writes(due, schedule), [condition]))) {
        await this.runs.refresh(due.id)
        return
      }
      const { deadLetterArn } = schedule.target
      if (deadLetterArn === undefined) return
      const text = (value: string) => ({ type: 'String' as const, value })
      await targets.send({
        arn: deadLetterArn,
        body: scheduleEvent(schedule, scope, due.scheduledAt, randomUUID(), due.attempt),
        attributes: {
          ERROR_CODE: text(error instanceof ServiceError ? error.code : 'InternalFailure'),
          ERROR_MESSAGE: text((error as Error).message.slice(0, 1_024)),
          SCHEDULE_ARN: text(scheduleArn(scope, schedule)),
          TARGET_ARN: text(schedule.target.arn),
          SCHEDULED_TIME: text(new Date(due.scheduledAt).toISOString()),
          RETRY_ATTEMPTS: { type: 'Number', value: String(due.attempt - 1) },
        },
      })
    } catch (problem) {
      onProblem({ schedule: due.id, error: problem }, 'a dead letter of a schedule is lost')
    }
  }
}
