import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DurableEventQueue } from '../async/durable-event-queue.ts'
import { ARN, FakeTargets } from '../async/testing/queue-harness.ts'
import type { ApiRequest } from '../control-api/operation.ts'
import { Headers } from '@sekisho/wire'
import { FakeCatalog } from '../control-api/testing/fake-catalog.ts'
import { FakeEngine } from '../control-api/testing/fake-engine.ts'
import { throttled } from '../model/service-error.ts'
import { MemoryState } from '../state/memory-state.ts'
import { scheduleOperations } from './schedule-operations.ts'
import { Scheduler } from './scheduler.ts'

const START = Date.parse('2026-11-21T12:00:30Z')
const SCOPE = { region: 'us-east-1', account: '000000000000' }
const MINUTE = 60_000

beforeEach(() => void vi.useFakeTimers({ now: START }))
let closing: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closing.map((close) => close()))
  closing = []
  vi.useRealTimers()
})

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** One node among others that share the state. */
async function startNode(state = new MemoryState(), owner = 'node-1') {
  const catalog = Object.assign(new FakeCatalog('echo'), {
    eventInvokeConfig: () => ({ maximumRetryAttempts: 0, maximumEventAge: 21_600 }) as never,
  })
  const engine = new FakeEngine()
  const targets = new FakeTargets()
  const problems: string[] = []
  const onProblem = (_: object, message: string) => void problems.push(message)
  const queue = await DurableEventQueue.open({
    catalog,
    engine,
    state,
    owner,
    targets,
    reservedConcurrency: () => undefined,
    onProblem,
  })
  const scheduler = await Scheduler.open({ state, catalog, queue, targets, scope: SCOPE, onProblem })
  const operations = scheduleOperations({ state, schedules: scheduler.schedules, catalog, scope: SCOPE })
  const call = async (name: string, labels: Record<string, string>, body?: object, query = '') => {
    const request: ApiRequest = {
      labels,
      query: new URLSearchParams(query),
      headers: new Headers(),
      body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
      origin: 'http://127.0.0.1:9190',
    }
    const answer = await operations.find((one) => one.name === name)!.handle(request)
    return answer.body as Record<string, unknown>
  }
  const create = (expression: string, more: object = {}, target: object = {}, name = 'nightly') =>
    call(
      'CreateSchedule',
      { Name: name },
      { ...BODY, ScheduleExpression: expression, Target: { ...BODY.Target, ...target }, ...more },
    )
  const stop = async () => {
    await scheduler.close()
    await queue.close(0)
  }
  closing.push(stop)
  const events = () =>
    engine.invocations.map(({ payload }) => JSON.parse(payload.toString()) as Record<string, unknown>)
  return { state, catalog, engine, targets, problems, queue, scheduler, call, create, stop, events }
}

const BODY = {
  FlexibleTimeWindow: { Mode: 'OFF' },
  Target: { Arn: `${ARN}echo`, RoleArn: 'arn:aws:iam::000000000000:role/r' },
}

describe('a schedule', () => {
  it('sends the event of EventBridge Scheduler at its times', async () => {
    const { create, events } = await startNode()
    await create('cron(5 * * * ? *)')
    await pass(4 * MINUTE + 29_000)
    expect(events()).toEqual([])
    await pass(2_000)
    expect(events()).toEqual([
      {
        version: '0',
        id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        'detail-type': 'Scheduled Event',
        source: 'aws.scheduler',
        account: '000000000000',
        time: '2026-11-21T12:05:00Z',
        region: 'us-east-1',
        resources: ['arn:aws:scheduler:us-east-1:000000000000:schedule/default/nightly'],
        detail: '{}',
      },
    ])
    await pass(60 * MINUTE)
    expect(events()).toHaveLength(2)
  })

  it('sends its own input, with what stands in angle brackets filled in', async () => {
    const { create, events, engine } = await startNode()
    const Input =
      '{"at":"<aws.scheduler.scheduled-time>","arn":"<aws.scheduler.schedule-arn>","n":"<aws.scheduler.attempt-number>","id":"<aws.scheduler.execution-id>"}'
    await create('rate(1 minute)', {}, { Input })
    await pass(10)
    expect(events()).toEqual([
      {
        at: '2026-11-21T12:00:30Z',
        arn: 'arn:aws:scheduler:us-east-1:000000000000:schedule/default/nightly',
        n: '1',
        id: engine.invocations[0]!.requestId,
      },
    ])
    await pass(3 * MINUTE)
    expect(events()).toHaveLength(4)
  })

  it('runs between its start and its end, only while it is enabled', async () => {
    const { create, call, events } = await startNode()
    const at = (ms: number) => (START + ms) / 1_000
    await create('rate(1 minute)', { StartDate: at(5 * MINUTE), EndDate: at(7 * MINUTE) })
    await pass(4 * MINUTE)
    expect(events()).toHaveLength(0)
    await pass(60 * MINUTE)
    expect(events()).toHaveLength(3)
    await create('rate(1 minute)', { State: 'DISABLED' }, {}, 'other')
    await pass(10 * MINUTE)
    expect(events()).toHaveLength(3)
    await call('UpdateSchedule', { Name: 'other' }, { ...BODY, ScheduleExpression: 'rate(1 minute)' })
    await pass(MINUTE + 10)
    // At once, and after a minute.
    expect(events()).toHaveLength(5)
    await call('DeleteSchedule', { Name: 'other' })
    await pass(10 * MINUTE)
    expect(events()).toHaveLength(5)
  })

  it('comes some time within its window, the same time on every node', async () => {
    const { create, events } = await startNode()
    await create('rate(1 hour)', { FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 30 } })
    const at: number[] = []
    for (let i = 0; i < 10 * 60; i++) {
      await pass(MINUTE)
      if (events().length > at.length) at.push(i)
    }
    expect(at).toHaveLength(10)
    const late = at.map((minute, i) => minute - i * 60)
    expect(Math.max(...late)).toBeLessThanOrEqual(30)
    expect(new Set(late).size).toBeGreaterThan(4)
  })

  it('that comes once is removed after it, if it says so', async () => {
    const { create, call, events, state } = await startNode()
    await create('at(2026-11-21T12:10:00)', { ActionAfterCompletion: 'DELETE' })
    await create('at(2026-11-21T12:10:00)', {}, {}, 'stays')
    await pass(20 * MINUTE)
    expect(events()).toHaveLength(2)
    await expect(call('GetSchedule', { Name: 'nightly' })).rejects.toMatchObject({ status: 404 })
    expect(await call('GetSchedule', { Name: 'stays' })).toMatchObject({ State: 'ENABLED' })
    expect((await state.list('schedule-runs/')).map(({ key }) => key)).toEqual(['schedule-runs/default/stays'])
  })
})

describe('after a restart', () => {
  const hourly = 'cron(0 * * * ? *)'

  it('the last time that was missed is made up for, once', async () => {
    const before = await startNode()
    await before.create(hourly)
    await before.stop()
    await pass(3.5 * 60 * MINUTE)
    const after = await startNode(before.state)
    await pass(10)
    expect(after.events().map(({ time }) => time)).toEqual(['2026-11-21T15:00:00Z'])
    await pass(60 * MINUTE)
    expect(after.events()).toHaveLength(2)
  })

  it('what was missed long ago is not', async () => {
    const before = await startNode()
    await before.create('cron(0 13 * * ? *)')
    await before.stop()
    await pass(5 * 60 * MINUTE)
    const after = await startNode(before.state)
    await pass(10 * MINUTE)
    expect(after.events()).toEqual([])
    expect(after.scheduler.metrics()).toContain('sekisho_schedule_missed_total 1')
    await pass(24 * 60 * MINUTE)
    expect(after.events()).toHaveLength(1)
  })

  it('what ran is not run again', async () => {
    const before = await startNode()
    await before.create(hourly)
    await pass(61 * MINUTE)
    expect(before.events()).toHaveLength(1)
    await before.stop()
    const after = await startNode(before.state)
    await pass(30 * MINUTE)
    expect(after.events()).toEqual([])
  })
})

describe('two nodes', () => {
  it('run each time once, whoever is faster', async () => {
    const state = new MemoryState()
    const one = await startNode(state, 'node-1')
    const two = await startNode(state, 'node-2')
    await one.create('rate(1 minute)')
    await two.create('cron(0/2 * * * ? *)', {}, {}, 'other')
    await pass(20 * MINUTE)
    const times = [...one.events(), ...two.events()].map(
      ({ time, resources }) => `${String(resources)} ${String(time)}`,
    )
    expect(times).toHaveLength(21 + 10)
    expect(new Set(times).size).toBe(31)
    await one.stop()
    await pass(10 * MINUTE)
    expect(one.events().length + two.events().length).toBe(31 + 15)
  })
})

describe('a function that cannot be called', () => {
  it('is tried again as the retry policy says, then there is a dead letter', async () => {
    const { create, queue, targets, problems, scheduler } = await startNode()
    const enqueue = vi.spyOn(queue, 'enqueueWith').mockRejectedValue(throttled('CallerRateLimitExceeded'))
    const RetryPolicy = { MaximumRetryAttempts: 2 }
    const DeadLetterConfig = { Arn: 'arn:aws:sqs:us-east-1:000000000000:dead' }
    await create('at(2026-11-21T12:10:00)', {}, { RetryPolicy, DeadLetterConfig })
    await pass(20 * MINUTE)
    expect(enqueue).toHaveBeenCalledTimes(3)
    expect(problems).toEqual(['a schedule could not call its function'])
    expect(targets.sent[0]).toMatchObject({
      arn: DeadLetterConfig.Arn,
      attributes: {
        ERROR_CODE: { value: 'TooManyRequestsException' },
        RETRY_ATTEMPTS: { value: '2' },
        TARGET_ARN: { value: `${ARN}echo` },
      },
    })
    expect(scheduler.counts.failed).toBe(1)
  })

  it('is not tried again when it is gone', async () => {
    const { create, catalog, scheduler, problems } = await startNode()
    await create('rate(1 hour)', { StartDate: START / 1_000 + 60 })
    catalog.functions.delete('echo')
    await pass(2 * MINUTE)
    expect([scheduler.counts.failed, problems.length]).toEqual([1, 1])
    await pass(60 * MINUTE)
    expect(scheduler.counts.failed).toBe(2)
  })
})

describe('operations', () => {
  it("answer what was given, with AWS's defaults", async () => {
    const { create, call } = await startNode()
    const { ScheduleArn } = await create('rate(5 minutes)', { Description: 'd', ClientToken: 'x' }, { Input: '{}' })
    expect(ScheduleArn).toBe('arn:aws:scheduler:us-east-1:000000000000:schedule/default/nightly')
    expect(await call('GetSchedule', { Name: 'nightly' }, undefined, 'groupName=default')).toEqual({
      Arn: ScheduleArn,
      Name: 'nightly',
      GroupName: 'default',
      ScheduleExpression: 'rate(5 minutes)',
      ScheduleExpressionTimezone: 'UTC',
      State: 'ENABLED',
      Description: 'd',
      ActionAfterCompletion: 'NONE',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        ...BODY.Target,
        Input: '{}',
        RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 },
      },
      CreationDate: START / 1_000,
      LastModificationDate: START / 1_000,
    })
  })

  it('list by prefix, state and page', async () => {
    const { create, call } = await startNode()
    for (const name of ['a1', 'a2', 'a3', 'b1']) await create('rate(1 day)', {}, {}, name)
    await create('rate(1 day)', { State: 'DISABLED' }, {}, 'a4')
    const names = (page: Record<string, unknown>) => (page['Schedules'] as { Name: string }[]).map(({ Name }) => Name)
    const first = await call('ListSchedules', {}, undefined, 'NamePrefix=a&MaxResults=2&State=ENABLED')
    expect(names(first)).toEqual(['a1', 'a2'])
    const next = `NamePrefix=a&State=ENABLED&NextToken=${String(first['NextToken'])}`
    const second = await call('ListSchedules', {}, undefined, next)
    expect([names(second), second['NextToken']]).toEqual([['a3'], undefined])
  })

  it.each<[body: object, message: string]>([
    [{ ScheduleExpression: 'rate(5 minute)' }, 'Invalid Schedule Expression rate(5 minute). rate(5 minute): it is'],
    [{ ScheduleExpressionTimezone: 'Nowhere' }, 'Nowhere is no time zone'],
    [{ FlexibleTimeWindow: { Mode: 'FLEXIBLE' } }, 'MaximumWindowInMinutes must be given'],
    [
      { FlexibleTimeWindow: undefined },
      "at 'flexibleTimeWindow' failed to satisfy constraint: Member must not be null",
    ],
    [
      { Target: { ...BODY.Target, Arn: 'arn:aws:sqs:us-east-1:000000000000:q' } },
      'the target of a schedule is a function',
    ],
    [{ Target: { ...BODY.Target, Arn: `${ARN}unknown` } }, 'is no function that is here'],
    [{ Target: { ...BODY.Target, Input: 'x' } }, 'Invalid Input: functions take JSON'],
    [{ StartDate: 2, EndDate: 1 }, 'The StartDate must come before the EndDate.'],
    [{ GroupName: 'g' }, 'Schedule group g does not exist.'],
  ])('refuse %j', async (body, message) => {
    const { create } = await startNode()
    await expect(create('rate(1 minute)', body)).rejects.toThrow(message)
  })

  it('refuse a second of the same name, and what is not there', async () => {
    const { create, call } = await startNode()
    await create('rate(1 minute)')
    await expect(create('rate(1 minute)')).rejects.toMatchObject({ code: 'ConflictException', status: 409 })
    for (const name of ['GetSchedule', 'DeleteSchedule'])
      await expect(call(name, { Name: 'none' })).rejects.toMatchObject({ code: 'ResourceNotFoundException' })
    await expect(
      call('UpdateSchedule', { Name: 'none' }, { ...BODY, ScheduleExpression: 'rate(1 minute)' }),
    ).rejects.toMatchObject({ message: 'Schedule none does not exist.' })
  })
})
