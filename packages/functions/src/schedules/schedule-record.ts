/** A schedule as it is kept, below `schedules/GROUP/NAME`. */
export interface ScheduleRecord {
  readonly name: string
  readonly group: string
  readonly expression: string
  readonly timezone: string
  readonly enabled: boolean
  /** Milliseconds since 1970, like all times here. */
  readonly startAt: number | undefined
  readonly endAt: number | undefined
  /** Each run comes within so many minutes after its time; undefined: at its time. */
  readonly windowMinutes: number | undefined
  readonly description: string | undefined
  readonly afterCompletion: 'NONE' | 'DELETE'
  readonly target: ScheduleTarget
  readonly createdAt: number
  readonly modifiedAt: number
}

export interface ScheduleTarget {
  /** Of a function, perhaps with a qualifier. */
  readonly arn: string
  readonly roleArn: string | undefined
  /** JSON; undefined: the event that says that it is time. */
  readonly input: string | undefined
  /** Of handing the event over: 0 to 185. What the function makes of it is retried by its own rules. */
  readonly maximumRetryAttempts: number
  /** Seconds. */
  readonly maximumEventAge: number
  readonly deadLetterArn: string | undefined
}

/** Which time of a schedule was the last that somebody took care of, below `schedule-runs/GROUP/NAME`. Changed only from what it was. */
export interface ScheduleRun {
  readonly last: number
}

export const SCHEDULES = 'schedules/'
export const SCHEDULE_RUNS = 'schedule-runs/'
export const DEFAULT_GROUP = 'default'

export const scheduleId = ({ group, name }: Pick<ScheduleRecord, 'group' | 'name'>): string => `${group}/${name}`
