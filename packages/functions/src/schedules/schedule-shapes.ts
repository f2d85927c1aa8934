import { structure } from '../catalog/shapes/composites.ts'
import { integer, oneOf, text } from '../catalog/shapes/scalars.ts'
import { failed, required, type Shape } from '../catalog/shapes/shape.ts'

/** Seconds since 1970, as restJson has them; the CLI sends text. */
const timestamp: Shape<number> = {
  type: 'a Timestamp',
  violations: () => [],
  read(value, at, problems) {
    const ms = typeof value === 'string' ? Date.parse(value) : Number(value) * 1_000
    if (Number.isFinite(ms) && ms >= 0) return ms
    problems.push(failed(`'${String(value)}'`, at, 'Member must be a time'))
    return 0
  },
}

const name = text({ min: 1, max: 64, pattern: '[0-9a-zA-Z-_.]+' })
const queueArn = text({ min: 1, max: 1_600, pattern: 'arn:aws[a-z-]*:sqs:[a-z0-9\\-]+:\\d{12}:[a-zA-Z0-9\\-_]+' })

const target = structure({
  Arn: required(text({ min: 1, max: 1_600 })),
  RoleArn: text({ min: 1, max: 1_600 }),
  Input: text({ min: 1, max: 262_144 }),
  RetryPolicy: structure({
    MaximumRetryAttempts: integer({ min: 0, max: 185 }),
    MaximumEventAgeInSeconds: integer({ min: 60, max: 86_400 }),
  }),
  DeadLetterConfig: structure({ Arn: queueArn }),
})

/** Of CreateSchedule and UpdateSchedule. Members of targets that are no functions are not known here. */
export const scheduleShape = structure({
  Name: required(name),
  GroupName: name,
  ScheduleExpression: required(text({ min: 1, max: 256 })),
  ScheduleExpressionTimezone: text({ min: 1, max: 50 }),
  StartDate: timestamp,
  EndDate: timestamp,
  State: oneOf('ENABLED', 'DISABLED'),
  Description: text({ max: 512 }),
  ActionAfterCompletion: oneOf('NONE', 'DELETE'),
  ClientToken: text({ min: 1, max: 64 }),
  FlexibleTimeWindow: required(
    structure({ Mode: required(oneOf('OFF', 'FLEXIBLE')), MaximumWindowInMinutes: integer({ min: 1, max: 1_440 }) }),
  ),
  Target: required(target),
})

export type ScheduleInput = typeof scheduleShape extends Shape<infer T> ? T : never
