import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { InvocationSink } from '../engine/invocation.ts'
import { result } from '../control-api/testing/fake-engine.ts'
import { StateError } from '../state/state-error.ts'
import { ARN, invocation, QueueHarness } from './testing/queue-harness.ts'

const START = Date.UTC(2026, 10, 21, 12)
const QUEUE = 'arn:aws:sqs:us-east-1:000000000000:failures'

beforeEach(() => void vi.useFakeTimers({ now: START }))
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('an Event invocation', () => {
  it('is durable before it is acknowledged, runs, and is removed', async () => {
    const harness = await new QueueHarness().open()
    let keptWhenRun: Promise<string[]> | undefined
    harness.engine.onInvoke = (_, sink) => {
      keptWhenRun = harness.kept()
      sink.onResult(result())
    }
    const enqueued = harness.queue.enqueue(invocation())
    await pass(1)
    await enqueued
    await pass(20)
    expect(await keptWhenRun).toEqual(['queue/node-1/b5a2f1ce-9a4f-4d1c-8d62-000000000001'])
    expect(await harness.kept()).toEqual([])
    expect(harness.queue.size).toBe(0)
    const [ran] = harness.engine.invocations
    const { requestId, traceId } = invocation()
    expect(ran).toMatchObject({ requestId, traceId, tail: false })
    expect(ran!.payload.toString()).toBe('{"a":1}')
  })

  it('is refused when it cannot be written', async () => {
    const harness = await new QueueHarness().open()
    vi.spyOn(harness.state, 'commit').mockRejectedValueOnce(new StateError('the disk is full'))
    const enqueued = harness.queue.enqueue(invocation())
    const refusal = expect(enqueued).rejects.toMatchObject({
      status: 500,
      message: 'The event was not queued: the disk is full',
    })
    await pass(1)
    await refusal
    expect(harness.queue.size).toBe(0)
    expect(harness.runs).toBe(0)
  })

  it('is retried after 1 minute, then 2, with the same request id', async () => {
    const harness = await new QueueHarness().open()
    harness.failing()
    void harness.queue.enqueue(invocation())
    await pass(1)
    expect(harness.runs).toBe(1)
    await pass(59_900)
    expect(harness.runs).toBe(1)
    await pass(200)
    expect(harness.runs).toBe(2)
    await pass(119_800)
    expect(harness.runs).toBe(2)
    await pass(300)
    expect(harness.runs).toBe(3)
    await pass(600_000)
    expect(harness.runs).toBe(3)
    expect(new Set(harness.engine.invocations.map(({ requestId }) => requestId)).size).toBe(1)
    expect(await harness.kept()).toEqual([])
    expect(harness.queue.metrics()).toContain(
      'sekisho_function_async_dropped_total{function="echo",reason="RetriesExhausted"} 1',
    )
  })

  it.each([0, 1, 2])('is retried at most %i times', async (maximumRetryAttempts) => {
    const harness = await new QueueHarness().open()
    harness.failing()
    harness.catalog.config = { maximumRetryAttempts }
    void harness.queue.enqueue(invocation())
    await pass(600_000)
    expect(harness.runs).toBe(maximumRetryAttempts + 1)
  })

  it('is given up when a retry would come too late', async () => {
    const harness = await new QueueHarness().open()
    harness.failing()
    harness.catalog.config = { maximumEventAge: 100, onFailure: QUEUE }
    void harness.queue.enqueue(invocation())
    await pass(600_000)
    expect(harness.runs).toBe(2)
    expect(JSON.parse(harness.targets.sent[0]!.body)).toMatchObject({
      requestContext: { condition: 'EventAgeExceeded', approximateInvokeCount: 2 },
    })
  })

  it('waits while the function is throttled: 1 s, 2 s, … up to 5 minutes, for its whole age', async () => {
    const harness = await new QueueHarness().open()
    harness.throttling()
    const times: number[] = []
    const throttle = harness.engine.onInvoke
    harness.engine.onInvoke = (call, sink) => {
      times.push(Date.now())
      throttle(call, sink)
    }
    harness.catalog.config = { onFailure: QUEUE, maximumEventAge: 3_600 }
    void harness.queue.enqueue(invocation())
    await pass(3_600_000 + 300_000)
    const gaps = times.slice(1).map((time, i) => (time - times[i]!) / 1_000)
    expect(gaps.slice(0, 9)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256])
    expect(new Set(gaps.slice(9))).toEqual(new Set([300]))
    const record = JSON.parse(harness.targets.sent[0]!.body) as object
    expect(record).toMatchObject({ requestContext: { condition: 'EventAgeExceeded', approximateInvokeCount: 0 } })
    expect(record).not.toHaveProperty('responseContext')
    expect(await harness.kept()).toEqual([])
  })

  it('goes straight to the destination and the dead-letter queue when nothing is reserved', async () => {
    const harness = await new QueueHarness().open()
    harness.reserved = 0
    harness.catalog.config = { onFailure: QUEUE, deadLetter: `${QUEUE}-dead` }
    void harness.queue.enqueue(invocation())
    await pass(100)
    expect(harness.runs).toBe(0)
    const [record, letter] = harness.targets.sent
    expect(JSON.parse(record!.body)).toEqual({
      version: '1.0',
      timestamp: new Date(START).toISOString(),
      requestContext: {
        requestId: invocation().requestId,
        functionArn: `${ARN}echo:$LATEST`,
        condition: 'ZeroReservedConcurrency',
        approximateInvokeCount: 0,
      },
      requestPayload: { a: 1 },
    })
    expect(letter).toEqual({
      arn: `${QUEUE}-dead`,
      body: '{"a":1}',
      attributes: {
        RequestID: { type: 'String', value: invocation().requestId },
        ErrorCode: { type: 'Number', value: '429' },
        ErrorMessage: { type: 'String', value: 'ZeroReservedConcurrency' },
      },
    })
  })

  it('is dropped, with a word, when its function is gone', async () => {
    const harness = await new QueueHarness().open()
    harness.catalog.functions.delete('echo')
    void harness.queue.enqueue(invocation())
    await pass(100)
    expect(harness.problems).toEqual(['an event is dropped: its function is not there any more'])
    expect(await harness.kept()).toEqual([])
  })
})

describe('a function that is throttled at some concurrency', () => {
  it('gets all events, as many at a time as it takes, without waiting for the back-off', async () => {
    const harness = await new QueueHarness().open()
    const running: InvocationSink[] = []
    let most = 0
    const served = new Set<string>()
    const { onInvoke } = (harness.throttling(), harness.engine)
    harness.engine.onInvoke = (call, sink) => {
      if (running.length >= 3) return onInvoke(call, sink)
      running.push(sink)
      served.add(call.requestId)
      most = Math.max(most, running.length)
      setTimeout(() => {
        running.splice(running.indexOf(sink), 1)
        sink.onResult(result())
      }, 10)
    }
    for (let i = 0; i < 300; i++) void harness.queue.enqueue(invocation({ requestId: `request-${i}` }))
    // 300 events, three at a time, 10 ms each.
    await pass(1_100)
    expect([most, served.size, harness.queue.size]).toEqual([3, 300, 0])
  })

  it('runs more at a time while all goes well', async () => {
    const harness = await new QueueHarness().open()
    let running = 0
    let most = 0
    harness.engine.onInvoke = (_, sink) => {
      most = Math.max(most, ++running)
      setTimeout(() => {
        running--
        sink.onResult(result())
      }, 1)
    }
    for (let i = 0; i < 3_000; i++) void harness.queue.enqueue(invocation({ requestId: `request-${i}` }))
    await pass(3_000)
    expect(most).toBeGreaterThan(15)
    expect(harness.queue.size).toBe(0)
  })
})

describe('a queue', () => {
  it('is bounded by events and by bytes', async () => {
    const harness = await new QueueHarness({ maxEvents: 2, maxBytes: 50, maxTotalBytes: 60 }).open()
    harness.throttling()
    const big = Buffer.from(JSON.stringify('x'.repeat(40)))
    const accepted = [
      harness.queue.enqueue(invocation({ requestId: '1' })),
      harness.queue.enqueue(invocation({ requestId: '2' })),
      harness.queue.enqueue(invocation({ requestId: '4', functionName: 'other', payload: big })),
    ]
    const refused = { code: 'TooManyRequestsException', status: 429 }
    await expect(harness.queue.enqueue(invocation({ requestId: '3' }))).rejects.toMatchObject(refused)
    await expect(
      harness.queue.enqueue(invocation({ requestId: '5', qualifier: 'a', payload: big })),
    ).rejects.toMatchObject({
      ...refused,
      members: { Reason: 'CallerRateLimitExceeded' },
    })
    await pass(10)
    await Promise.all(accepted)
    expect(harness.queue.metrics()).toContain('sekisho_function_async_queued_events{function="echo"} 2')
    expect(harness.queue.metrics()).toContain('sekisho_function_async_refused_total{function="echo"} 2')
  })

  it('shares commits among events of one turn', async () => {
    const harness = await new QueueHarness().open()
    const commit = vi.spyOn(harness.state, 'commit')
    const all = Array.from({ length: 250 }, (_, i) => harness.queue.enqueue(invocation({ requestId: `r${i}` })))
    await pass(1)
    await Promise.all(all)
    expect(commit.mock.calls.filter(([writes]) => writes[0]!.value !== undefined)).toHaveLength(3)
  })

  it('goes on after a restart where it was: tries, delays and all', async () => {
    const before = await new QueueHarness().open()
    before.failing()
    void before.queue.enqueue(invocation())
    void before.queue.enqueue(invocation({ requestId: 'second', payload: Buffer.from('"\\n関所"') }))
    await pass(30_000)
    expect(before.runs).toBe(2)
    await before.queue.close(0)

    const after = new QueueHarness({}, before.state)
    after.failing()
    await after.open()
    await pass(29_000)
    expect(after.runs).toBe(0)
    await pass(2_000)
    expect(after.engine.invocations.map(({ payload }) => payload.toString())).toEqual(['{"a":1}', '"\\n関所"'])
    await pass(119_000)
    expect(after.runs).toBe(4)
    await pass(600_000)
    expect(after.runs).toBe(4)
    expect(await after.kept()).toEqual([])
  })

  it('runs again what was running when the process died', async () => {
    const before = await new QueueHarness().open()
    before.engine.onInvoke = () => {}
    void before.queue.enqueue(invocation())
    await pass(10)
    expect(before.runs).toBe(1)
    const after = await new QueueHarness({}, before.state).open()
    await pass(50)
    expect(after.runs).toBe(1)
    expect(await after.kept()).toEqual([])
  })

  it('waits at its end for what runs, starts nothing, and keeps what is left', async () => {
    const harness = await new QueueHarness({ maxRunning: 1 }).open()
    let sink!: InvocationSink
    harness.engine.onInvoke = (_, one) => (sink = one)
    void harness.queue.enqueue(invocation({ requestId: 'first' }))
    void harness.queue.enqueue(invocation({ requestId: 'second' }))
    await pass(10)
    let closed = false
    const closing = harness.queue.close(5_000).then(() => (closed = true))
    await expect(harness.queue.enqueue(invocation())).rejects.toMatchObject({ status: 503 })
    await pass(1_000)
    expect(closed).toBe(false)
    sink.onResult(result())
    await pass(1)
    await closing
    expect(harness.runs).toBe(1)
    expect(await harness.kept()).toEqual(['queue/node-1/second'])
  })

  it('leaves a record that it cannot read where it is', async () => {
    const harness = new QueueHarness()
    await harness.state.commit([{ key: 'queue/node-1/strange', value: 'no JSON' }])
    await harness.open()
    expect(harness.problems).toEqual(['an event in the store cannot be read and is left there'])
    expect(await harness.kept()).toEqual(['queue/node-1/strange'])
  })
})

describe('destinations', () => {
  it('get a record of a success', async () => {
    const harness = await new QueueHarness().open()
    harness.succeeding('{"b":"関所"}')
    harness.catalog.config = { onSuccess: QUEUE, deadLetter: QUEUE }
    void harness.queue.enqueue(invocation({ qualifier: 'live', invokedArn: `${ARN}echo:live` }))
    await pass(100)
    expect(harness.targets.sent).toHaveLength(1)
    expect(JSON.parse(harness.targets.sent[0]!.body)).toEqual({
      version: '1.0',
      timestamp: new Date(START).toISOString(),
      requestContext: {
        requestId: invocation().requestId,
        functionArn: `${ARN}echo:live`,
        condition: 'Success',
        approximateInvokeCount: 1,
      },
      requestPayload: { a: 1 },
      responseContext: { statusCode: 200, executedVersion: '$LATEST' },
      responsePayload: { b: '関所' },
    })
  })

  it('get a record of a failure, and dead-letter queues the event with its error', async () => {
    const harness = await new QueueHarness().open()
    harness.failing('x'.repeat(3_000))
    harness.catalog.config = { maximumRetryAttempts: 0, onFailure: QUEUE, deadLetter: `${QUEUE}-dead` }
    void harness.queue.enqueue(invocation())
    await pass(100)
    const [record, letter] = harness.targets.sent
    expect(JSON.parse(record!.body)).toMatchObject({
      requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 1 },
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      responsePayload: { errorType: 'Error' },
    })
    expect(letter!.attributes).toEqual({
      RequestID: { type: 'String', value: invocation().requestId },
      ErrorCode: { type: 'Number', value: '200' },
      ErrorMessage: { type: 'String', value: 'x'.repeat(1_024) },
    })
  })

  it('that are functions are invoked by an event of their own, in the same commit', async () => {
    const harness = await new QueueHarness().open()
    harness.catalog.config = { onSuccess: `${ARN}other` }
    harness.engine.onInvoke = (call, sink) => {
      if (call.function.name === 'other') harness.catalog.config = {}
      sink.onResult(result({ payload: Buffer.from('not JSON') }))
    }
    const commit = vi.spyOn(harness.state, 'commit')
    void harness.queue.enqueue(invocation())
    await pass(100)
    const second = harness.engine.invocations[1]!
    expect(second.function.name).toBe('other')
    expect(second.requestId).not.toBe(invocation().requestId)
    expect(JSON.parse(second.payload.toString())).toMatchObject({ responsePayload: 'not JSON' })
    expect(commit.mock.calls[1]![0].map(({ value }) => value === undefined)).toEqual([false, true])
    expect(await harness.kept()).toEqual([])
  })

  it('that lead in a circle are ended', async () => {
    const harness = await new QueueHarness().open()
    harness.catalog.config = { onSuccess: `${ARN}other` }
    void harness.queue.enqueue(invocation())
    await pass(1_000)
    expect(harness.runs).toBe(17)
    expect(harness.problems[0]).toContain('the loop is ended')
    expect(harness.queue.size).toBe(0)
  })

  it('that are away are tried again, also after a restart, and the function does not run again', async () => {
    const before = await new QueueHarness().open()
    before.succeeding()
    before.catalog.config = { onSuccess: QUEUE }
    before.targets.away = true
    void before.queue.enqueue(invocation())
    await pass(5_000)
    expect(before.problems).toEqual(['a result could not be delivered: it is tried again'])
    await before.queue.close(0)

    const after = await new QueueHarness({}, before.state).open()
    await pass(10_000)
    expect([after.runs, after.targets.sent.length]).toEqual([0, 1])
    expect(await after.kept()).toEqual([])
  })

  it('that stay away are given up after 80 tries, some 6 hours', async () => {
    const harness = await new QueueHarness().open()
    harness.catalog.config = { onSuccess: QUEUE }
    harness.targets.away = true
    void harness.queue.enqueue(invocation())
    await pass(5.5 * 3_600_000)
    expect(harness.queue.size).toBe(1)
    await pass(3_600_000)
    expect(harness.queue.size).toBe(0)
    expect(harness.problems).toEqual([
      'a result could not be delivered: it is tried again',
      'a result could not be delivered and is dropped',
    ])
    expect(await harness.kept()).toEqual([])
  })
})
