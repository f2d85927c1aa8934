import type { FunctionCatalog } from '../catalog/function-catalog.ts'
import type { Scope } from '../catalog/names/arns.ts'
import type { RecordTable } from '../catalog/records/record-table.ts'
import { readInput, queryNumber, queryText } from '../catalog/shapes/read-input.ts'
import { epochTime } from '../catalog/times.ts'
import type { ApiRequest, Operation } from '../control-api/operation.ts'
import { ServiceError } from '../model/service-error.ts'
import type { StateStore, StateWrite } from '../state/state-store.ts'
import { scheduleArn } from './schedule-event.ts'
import { parseSchedule } from './schedule-expression.ts'
import { DEFAULT_GROUP, SCHEDULE_RUNS, scheduleId, type ScheduleRecord } from './schedule-record.ts'
import { type ScheduleInput, scheduleShape } from './schedule-shapes.ts'

export interface ScheduleOperationsOptions {
  readonly state: StateStore
  readonly schedules: RecordTable<ScheduleRecord>
  readonly catalog: Pick<FunctionCatalog, 'resolve'>
  readonly scope: Scope
  readonly now?: () => number
}

/** AWS's. */
const DEFAULT_RETRIES = 185
const DEFAULT_AGE = 86_400
const MAX_PAGE = 100
const PATH = '/schedules/{Name}'

/** The operations of EventBridge Scheduler on schedules, for functions as targets. There is one group, `default`. */
export function scheduleOperations(options: ScheduleOperationsOptions): readonly Operation[] {
  const { schedules, scope, state } = options
  const now = options.now ?? Date.now

  const put = async (request: ApiRequest, creates: boolean) => {
    const input = readInput(scheduleShape, request, { Name: request.labels['Name'] })
    const id = idOf(input.Name, input.GroupName)
    const before = schedules.entry(id)
    if (creates && before !== undefined)
      throw new ServiceError('ConflictException', 409, `Schedule ${input.Name} already exists.`)
    if (!creates && before === undefined) throw noSchedule(input.Name)
    const at = now()
    const record = recordOf(input, before?.value.createdAt ?? at, at)
    checkRecord(record, options)
    const writes: StateWrite[] = [{ key: schedules.key(id), value: JSON.stringify(record) }]
    // Another of the same name was there before: what it did is not this one's.
    if (creates) writes.push({ key: SCHEDULE_RUNS + id, value: undefined })
    if (!(await state.commit(writes, [{ key: schedules.key(id), revision: before?.revision ?? 0 }])))
      throw new ServiceError('ConflictException', 409, `Schedule ${input.Name} is being changed by somebody else.`)
    return { status: 200, body: { ScheduleArn: scheduleArn(scope, record) } }
  }

  const find = (request: ApiRequest): ScheduleRecord => {
    const name = request.labels['Name'] ?? ''
    const record = schedules.get(idOf(name, queryText(request, 'groupName')))
    if (record === undefined) throw noSchedule(name)
    return record
  }

  return [
    { name: 'CreateSchedule', method: 'POST', path: PATH, handle: (request) => put(request, true) },
    { name: 'UpdateSchedule', method: 'PUT', path: PATH, handle: (request) => put(request, false) },
    {
      name: 'GetSchedule',
      method: 'GET',
      path: PATH,
      handle: (request) => ({ status: 200, body: scheduleAnswer(scope, find(request)) }),
    },
    {
      name: 'DeleteSchedule',
      method: 'DELETE',
      path: PATH,
      async handle(request) {
        const id = scheduleId(find(request))
        const keys = [schedules.key(id), SCHEDULE_RUNS + id]
        await state.commit(keys.map((key) => ({ key, value: undefined })))
        return { status: 200, body: {} }
      },
    },
    {
      name: 'ListSchedules',
      method: 'GET',
      path: '/schedules',
      handle: (request) => ({ status: 200, body: list(request, schedules, scope) }),
    },
  ]
}

function idOf(name: string, group = DEFAULT_GROUP): string {
  if (group !== DEFAULT_GROUP)
    throw new ServiceError('ResourceNotFoundException', 404, `Schedule group ${group} does not exist.`)
  return scheduleId({ group, name })
}

const noSchedule = (name: string): ServiceError =>
  new ServiceError('ResourceNotFoundException', 404, `Schedule ${name} does not exist.`)

const invalid = (message: string): ServiceError =>
  new ServiceError('ValidationException', 400, message, { Message: message })

function recordOf(input: ScheduleInput, createdAt: number, modifiedAt: number): ScheduleRecord {
  const { Target: target, FlexibleTimeWindow: window } = input
  return {
    name: input.Name,
    group: input.GroupName ?? DEFAULT_GROUP,
    expression: input.ScheduleExpression,
    timezone: input.ScheduleExpressionTimezone ?? 'UTC',
    enabled: input.State !== 'DISABLED',
    startAt: input.StartDate,
    endAt: input.EndDate,
    windowMinutes: window.Mode === 'FLEXIBLE' ? (window.MaximumWindowInMinutes ?? 0) : undefined,
    description: input.Description,
    afterCompletion: input.ActionAfterCompletion ?? 'NONE',
    target: {
      arn: target.Arn,
      roleArn: target.RoleArn,
      input: target.Input,
      maximumRetryAttempts: target.RetryPolicy?.MaximumRetryAttempts ?? DEFAULT_RETRIES,
      maximumEventAge: target.RetryPolicy?.MaximumEventAgeInSeconds ?? DEFAULT_AGE,
      deadLetterArn: target.DeadLetterConfig?.Arn,
    },
    createdAt,
    modifiedAt,
  }
}

/** What a shape cannot say. */
function checkRecord(record: ScheduleRecord, { catalog }: ScheduleOperationsOptions): void {
  const { expression, timezone, startAt, endAt, windowMinutes, createdAt, target } = record
  const problem = parseSchedule(expression, timezone, startAt ?? createdAt)
  if (typeof problem === 'string') throw invalid(`Invalid Schedule Expression ${expression}. ${problem}`)
  if (windowMinutes === 0) throw invalid('MaximumWindowInMinutes must be given for a FLEXIBLE time window.')
  if (startAt !== undefined && endAt !== undefined && startAt >= endAt)
    throw invalid('The StartDate must come before the EndDate.')
  if (target.arn.split(':')[2] !== 'lambda')
    throw invalid(`Provided Arn ${target.arn} is not supported: the target of a schedule is a function.`)
  try {
    catalog.resolve(target.arn, undefined)
  } catch (error) {
    throw invalid(`Provided Arn ${target.arn} is no function that is here: ${(error as Error).message}`)
  }
  if (target.input === undefined) return
  try {
    JSON.parse(target.input)
  } catch (error) {
    throw invalid(`Invalid Input: functions take JSON. ${(error as Error).message}`)
  }
}

function scheduleAnswer(scope: Scope, record: ScheduleRecord): Record<string, unknown> {
  const { target, startAt, endAt, description } = record
  return {
    Arn: scheduleArn(scope, record),
    Name: record.name,
    GroupName: record.group,
    ScheduleExpression: record.expression,
    ScheduleExpressionTimezone: record.timezone,
    State: record.enabled ? 'ENABLED' : 'DISABLED',
    ...(startAt === undefined ? {} : { StartDate: epochTime(startAt) }),
    ...(endAt === undefined ? {} : { EndDate: epochTime(endAt) }),
    ...(description === undefined ? {} : { Description: description }),
    ActionAfterCompletion: record.afterCompletion,
    FlexibleTimeWindow:
      record.windowMinutes === undefined
        ? { Mode: 'OFF' }
        : { Mode: 'FLEXIBLE', MaximumWindowInMinutes: record.windowMinutes },
    Target: {
      Arn: target.arn,
      ...(target.roleArn === undefined ? {} : { RoleArn: target.roleArn }),
      ...(target.input === undefined ? {} : { Input: target.input }),
      ...(target.deadLetterArn === undefined ? {} : { DeadLetterConfig: { Arn: target.deadLetterArn } }),
      RetryPolicy: {
        MaximumRetryAttempts: target.maximumRetryAttempts,
        MaximumEventAgeInSeconds: target.maximumEventAge,
      },
    },
    CreationDate: epochTime(record.createdAt),
    LastModificationDate: epochTime(record.modifiedAt),
  }
}

function list(request: ApiRequest, schedules: RecordTable<ScheduleRecord>, scope: Scope): object {
  const prefix = queryText(request, 'NamePrefix') ?? ''
  const group = queryText(request, 'ScheduleGroup')
  const state = queryText(request, 'State')
  const most = queryNumber(request, 'MaxResults') ?? MAX_PAGE
  if (most < 1 || most > MAX_PAGE) throw invalid(`MaxResults must be 1 to ${MAX_PAGE}.`)
  if (group !== undefined) idOf('', group)
  const token = queryText(request, 'NextToken')
  // The name of the last one of the page before.
  const after = token === undefined ? '' : Buffer.from(token, 'base64url').toString()
  const found = [...schedules.values()]
    .filter(
      ({ name, enabled }) =>
        name.startsWith(prefix) && name > after && (state === undefined || (state === 'ENABLED') === enabled),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const page = found.slice(0, most)
  return {
    Schedules: page.map((record) => ({
      Arn: scheduleArn(scope, record),
      Name: record.name,
      GroupName: record.group,
      State: record.enabled ? 'ENABLED' : 'DISABLED',
      CreationDate: epochTime(record.createdAt),
      LastModificationDate: epochTime(record.modifiedAt),
      Target: { Arn: record.target.arn },
    })),
    ...(found.length > page.length ? { NextToken: Buffer.from(page.at(-1)!.name).toString('base64url') } : {}),
  }
}
