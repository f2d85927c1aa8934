import { createHash } from 'node:crypto'
import type { Scope } from '../catalog/names/arns.ts'
import { type ScheduleRecord, scheduleId } from './schedule-record.ts'

export const scheduleArn = ({ region, account }: Scope, schedule: Pick<ScheduleRecord, 'group' | 'name'>): string =>
  `arn:aws:scheduler:${region}:${account}:schedule/${scheduleId(schedule)}`

/** `2026-11-20T13:00:00Z` */
const seconds = (at: number): string => new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z')

/**
 * What the function gets: the schedule's input with `<aws.scheduler.scheduled-time>` and its like filled in, or EventBridge Scheduler's own event.
 * @param attempt from 1 on
 */
export function scheduleEvent(
  schedule: ScheduleRecord,
  scope: Scope,
  scheduledAt: number,
  executionId: string,
  attempt: number,
): string {
  const arn = scheduleArn(scope, schedule)
  const { input } = schedule.target
  if (input === undefined)
    return JSON.stringify({
      version: '0',
      id: executionId,
      'detail-type': 'Scheduled Event',
      source: 'aws.scheduler',
      account: scope.account,
      time: seconds(scheduledAt),
      region: scope.region,
      resources: [arn],
      detail: '{}',
    })
  return input
    .replaceAll('<aws.scheduler.schedule-arn>', arn)
    .replaceAll('<aws.scheduler.scheduled-time>', seconds(scheduledAt))
    .replaceAll('<aws.scheduler.execution-id>', executionId)
    .replaceAll('<aws.scheduler.attempt-number>', String(attempt))
}

/** How long after its time a run comes, within its window: the same on every node, and spread over schedules and times. */
export function jitter(schedule: ScheduleRecord, scheduledAt: number): number {
  if (schedule.windowMinutes === undefined) return 0
  const hash = createHash('sha256')
    .update(`${scheduleId(schedule)} ${scheduledAt}`)
    .digest()
  return (hash.readUInt32BE(0) / 2 ** 32) * schedule.windowMinutes * 60_000
}
