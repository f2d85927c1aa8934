import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogRecord } from '../../logs/log-record.ts'
import type { ReadOptions } from '../../logs/log-reader.ts'
import { MemoryState } from '../../state/memory-state.ts'
import { startControlApi, type RunningControlApi } from '../testing/start-control-api.ts'
import { logEventActions } from './log-events.ts'
import { logGroupActions } from './log-groups.ts'
import { LogsSurface } from './logs-surface.ts'

const RECORDS: LogRecord[] = [
  { timeMs: 100, stream: 'a', text: 'START 1' },
  { timeMs: 100, stream: 'a', text: 'an ERROR happened' },
  { timeMs: 100, stream: 'b', text: 'START 2' },
  { timeMs: 101, stream: 'a', text: 'ERROR again' },
  { timeMs: 102, stream: 'b', text: 'END 2' },
]
const logs = {
  async *read(_: string, { since = 0, until = Infinity }: ReadOptions = {}) {
    yield* RECORDS.filter(({ timeMs }) => timeMs >= since && timeMs < until)
  },
}

let api: RunningControlApi
beforeEach(async () => {
  const actions = {
    ...logGroupActions(new MemoryState(), 'us-east-1', '000000000000'),
    ...logEventActions(logs, (name) => name === 'f'),
  }
  const surface = new LogsSurface(actions, (error) => {
    throw error
  })
  api = await startControlApi({ surfaces: [surface] })
})
afterEach(() => api.close())

interface Answer {
  readonly status: number
  // Whatever a test looks at.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any
}

async function call(name: string, input: object): Promise<Answer> {
  const answer = await fetch(api.endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `Logs_20140328.${name}` },
    body: JSON.stringify(input),
  })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
}

describe('log groups', () => {
  const group = { logGroupName: '/aws/lambda/f' }

  it('live as Terraform has them', async () => {
    expect(await call('CreateLogGroup', { ...group, tags: { a: '1' } })).toEqual({ status: 200, body: undefined })
    await call('PutRetentionPolicy', { ...group, retentionInDays: 7 })
    const { body } = await call('DescribeLogGroups', { logGroupNamePrefix: '/aws/lambda/f' })
    expect(body.logGroups).toMatchObject([
      {
        ...group,
        retentionInDays: 7,
        arn: 'arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/f:*',
        creationTime: expect.any(Number) as number,
      },
    ])
    const resourceArn = 'arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/f'
    await call('TagResource', { resourceArn, tags: { b: '2' } })
    await call('UntagResource', { resourceArn, tagKeys: ['a'] })
    expect((await call('ListTagsForResource', { resourceArn: `${resourceArn}:*` })).body).toEqual({ tags: { b: '2' } })
    await call('DeleteLogGroup', group)
    expect((await call('DescribeLogGroups', {})).body).toEqual({ logGroups: [] })
  })

  it.each([
    ['DeleteLogGroup', { logGroupName: 'none' }, 'ResourceNotFoundException'],
    ['CreateLogGroup', { logGroupName: 'a b' }, 'InvalidParameterException'],
    ['CreateLogGroup', {}, 'InvalidParameterException'],
    ['FilterLogEvents', { logGroupName: '/aws/lambda/nobody' }, 'ResourceNotFoundException'],
    ['FilterLogEvents', { logGroupName: '/aws/lambda/f', nextToken: 'x' }, 'InvalidParameterException'],
    ['FilterLogEvents', { logGroupName: '/aws/lambda/f', filterPattern: '{ $.a = 1 }' }, 'InvalidParameterException'],
    ['PutSubscriptionFilter', {}, 'UnknownOperationException'],
  ])('%s of %j: %s', async (name, input, type) => {
    expect(await call(name, input)).toMatchObject({ status: 400, body: { __type: type } })
  })
})

describe('log events', () => {
  const group = { logGroupName: '/aws/lambda/f' }

  it('are read page by page, each once', async () => {
    const messages: string[] = []
    const ids = new Set<string>()
    let nextToken: string | undefined
    do {
      const { body } = await call('FilterLogEvents', {
        ...group,
        limit: 2,
        ...(nextToken === undefined ? {} : { nextToken }),
      })
      for (const event of body.events as { message: string; eventId: string }[]) {
        messages.push(event.message)
        ids.add(event.eventId)
      }
      nextToken = body.nextToken as string | undefined
    } while (nextToken !== undefined)
    expect(messages).toEqual(RECORDS.map(({ text }) => text))
    expect(ids.size).toBe(5)
  })

  it.each([
    [{ filterPattern: 'ERROR' }, ['an ERROR happened', 'ERROR again']],
    [{ filterPattern: 'ERROR -again' }, ['an ERROR happened']],
    [{ filterPattern: '"ERROR again"' }, ['ERROR again']],
    [{ logStreamNames: ['b'] }, ['START 2', 'END 2']],
    [{ startTime: 101 }, ['ERROR again', 'END 2']],
    [{ startTime: 101, endTime: 101 }, ['ERROR again']],
    [
      { logGroupName: undefined, logGroupIdentifier: 'arn:aws:logs:x:1:log-group:/aws/lambda/f', startTime: 102 },
      ['END 2'],
    ],
  ])('of %j', async (input, expected) => {
    const { body } = await call('FilterLogEvents', { ...group, ...input })
    expect((body.events as { message: string }[]).map(({ message }) => message)).toEqual(expected)
  })

  it('of one stream, and the streams', async () => {
    const first = await call('GetLogEvents', { ...group, logStreamName: 'a', limit: 2, startFromHead: true })
    expect(first.body.events).toHaveLength(2)
    const nextToken = first.body.nextForwardToken as string
    const second = await call('GetLogEvents', { ...group, logStreamName: 'a', nextToken })
    expect(second.body.events).toMatchObject([{ timestamp: 101, message: 'ERROR again' }])
    const third = await call('GetLogEvents', {
      ...group,
      logStreamName: 'a',
      nextToken: second.body.nextForwardToken as string,
    })
    expect(third.body).toMatchObject({ events: [], nextForwardToken: second.body.nextForwardToken as string })

    const { body } = await call('DescribeLogStreams', {
      ...group,
      orderBy: 'LastEventTime',
      descending: true,
      limit: 1,
    })
    expect(body.logStreams).toMatchObject([{ logStreamName: 'b', firstEventTimestamp: 100, lastEventTimestamp: 102 }])
  })
})
