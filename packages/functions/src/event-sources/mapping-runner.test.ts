import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeCatalog } from '../control-api/testing/fake-catalog.ts'
import { FakeEngine, result } from '../control-api/testing/fake-engine.ts'
import type { InvocationSink } from '../engine/invocation.ts'
import { throttled } from '../model/service-error.ts'
import type { Discarded } from './batch-runner.ts'
import type { MappingOptions } from './mapping-options.ts'
import { MappingRunner } from './mapping-runner.ts'
import { FakePoller } from './testing/fake-poller.ts'

const START = Date.UTC(2026, 10, 21, 12)
beforeEach(() => void vi.useFakeTimers({ now: START }))

const OPTIONS: MappingOptions = {
  uuid: 'u',
  functionName: 'echo',
  qualifier: undefined,
  batchSize: 3,
  windowMs: 0,
  concurrency: 2,
  filters: [],
  reportsFailures: false,
  bisects: false,
  maxRetries: -1,
  maxAgeMs: undefined,
  onFailure: undefined,
  start: { from: 'first' },
}

let stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops) await stop()
  stops = []
  vi.useRealTimers()
})

function start(poller: FakePoller, options: Partial<MappingOptions> = {}) {
  const engine = new FakeEngine()
  const results: string[] = []
  const discarded: Discarded[] = []
  const counts = { records: 0, batches: 0, filtered: 0, discarded: 0 }
  const runner = new MappingRunner({
    runner: { catalog: new FakeCatalog('echo'), engine },
    options: { ...OPTIONS, ...options },
    open: async () => poller.opened(),
    discard: async (one) => void discarded.push(one),
    onResult: (text) => results.push(text),
    counts,
    now: Date.now,
  })
  stops.push(() => runner.stop())
  return {
    engine,
    results,
    discarded,
    counts,
    runner,
    batches: () => engine.invocations.map(({ payload }) => idsOf(payload)),
  }
}

const idsOf = (payload: Buffer) => (JSON.parse(payload.toString()) as { ids: string[] }).ids

/** Fails for batches with one of these. */
const failing = (engine: FakeEngine, ...bad: string[]) => {
  engine.onInvoke = ({ payload }, sink) =>
    sink.onResult(result(idsOf(payload).some((id) => bad.includes(id)) ? { functionError: 'Unhandled' } : {}))
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('batches', () => {
  it('have at most so many records, and are settled when they are done', async () => {
    const poller = new FakePoller(false)
    poller.add('1', '2', '3', '4')
    const { batches, results, counts } = start(poller)
    await pass(10)
    expect(batches()).toEqual([['1', '2', '3'], ['4']])
    expect(poller.settled).toEqual(['1', '2', '3', '4'])
    expect(results).toEqual(['OK', 'OK'])
    expect(counts).toEqual({ records: 4, batches: 2, filtered: 0, discarded: 0 })
  })

  it('wait for more until the window ends, or they are full', async () => {
    const poller = new FakePoller(false)
    const { batches } = start(poller, { windowMs: 5_000 })
    poller.add('1')
    await pass(3_000)
    poller.add('2')
    await pass(1_900)
    expect(batches()).toEqual([])
    await pass(200)
    expect(batches()).toEqual([['1', '2']])
    poller.add('3', '4', '5')
    await pass(10)
    expect(batches()[1]).toEqual(['3', '4', '5'])
  })

  it('end before 6 MB', async () => {
    const poller = new FakePoller(false)
    poller.addSized(2_500_000, '1', '2', '3')
    const { batches } = start(poller)
    await pass(10)
    expect(batches()).toEqual([['1', '2'], ['3']])
  })

  it('run side by side as the mapping says, and no record is taken that nobody can work on', async () => {
    const poller = new FakePoller(false)
    for (let i = 0; i < 20; i++) poller.add(String(i))
    const { engine } = start(poller)
    const sinks: InvocationSink[] = []
    engine.onInvoke = (_, sink) => void sinks.push(sink)
    await pass(100)
    expect([sinks.length, poller.taken]).toEqual([2, 6])
    sinks[0]!.onResult(result())
    await pass(10)
    expect([sinks.length, poller.taken]).toEqual([3, 9])
    for (const sink of sinks) sink.onResult(result())
    engine.onInvoke = (_, sink) => sink.onResult(result())
  })

  it('leave out what no filter lets pass, which is settled', async () => {
    const poller = new FakePoller(false)
    poller.add('1', '2', '3')
    const { batches, counts } = start(poller, { filters: ['{"id":["2"]}'] })
    await pass(10)
    expect(batches()).toEqual([['2']])
    expect(poller.settled.toSorted()).toEqual(['1', '2', '3'])
    expect(counts.filtered).toBe(2)
  })
})

describe('of a source without order', () => {
  it('what failed comes again, later each time', async () => {
    const poller = new FakePoller(false)
    poller.add('1', '2')
    const { engine, results } = start(poller)
    failing(engine, '2')
    await pass(10)
    expect(poller.retried).toEqual([
      ['1', 1_000],
      ['2', 1_000],
    ])
    expect(results).toEqual(['PROBLEM: Function call failed'])
    await pass(1_100)
    expect(poller.retried[3]).toEqual(['2', 2_000])
  })

  it('only those come again that the function names', async () => {
    const poller = new FakePoller(false)
    poller.add('1', '2', '3')
    const { engine } = start(poller, { reportsFailures: true })
    const answer = '{"batchItemFailures":[{"itemIdentifier":"2"}]}'
    engine.onInvoke = (_, sink) => sink.onResult(result({ payload: Buffer.from(answer) }))
    await pass(10)
    expect([poller.settled, poller.retried]).toEqual([['1', '3'], [['2', 1_000]]])
  })

  it.each([
    ['{"batchItemFailures":[{"itemIdentifier":"9"}]}'],
    ['{"batchItemFailures":[{"itemIdentifier":""}]}'],
    ['x'],
  ])('all come again when the function answers %s', async (answer) => {
    const poller = new FakePoller(false)
    poller.add('1', '2')
    const { engine } = start(poller, { reportsFailures: true })
    engine.onInvoke = (_, sink) => sink.onResult(result({ payload: Buffer.from(answer) }))
    await pass(10)
    expect(poller.retried).toHaveLength(2)
  })

  it('a record is given up after its last retry', async () => {
    const poller = new FakePoller(false)
    poller.add('1')
    const { engine, discarded, counts } = start(poller, { maxRetries: 1 })
    failing(engine, '1')
    await pass(5_000)
    expect(engine.invocations).toHaveLength(2)
    expect(discarded).toMatchObject([{ condition: 'RetryAttemptsExhausted', records: [{ id: '1' }], attempts: 2 }])
    expect([poller.settled, counts.discarded]).toEqual([['1'], 1])
  })

  it('a batch that fails is halved until what is bad is alone', async () => {
    const poller = new FakePoller(false)
    poller.add('1', '2', '3')
    const { engine } = start(poller, { bisects: true })
    failing(engine, '2')
    await pass(10)
    expect(poller.settled).toEqual(['1', '3'])
    expect(poller.retried).toEqual([['2', 1_000]])
  })

  it('being throttled is no try: the batch waits', async () => {
    const poller = new FakePoller(false)
    poller.add('1')
    const { engine, results } = start(poller, { maxRetries: 0 })
    engine.onInvoke = (_, sink) => sink.onRefused(throttled('ConcurrentInvocationLimitExceeded'))
    await pass(6_900)
    expect(engine.invocations).toHaveLength(3)
    expect(results.at(-1)).toBe('PROBLEM: Rate Exceeded.')
    engine.onInvoke = (_, sink) => sink.onResult(result())
    await pass(10_000)
    expect([poller.settled, poller.retried]).toEqual([['1'], []])
  })
})

describe('of a source with order', () => {
  it('a lane waits for what failed, others go on', async () => {
    const poller = new FakePoller(true)
    poller.add('a1', 'a2', 'a3', 'a4', 'b1')
    const { engine, batches } = start(poller)
    failing(engine, 'a2')
    await pass(2_900)
    expect(batches()).toEqual([['a1', 'a2', 'a3'], ['b1'], ['a1', 'a2', 'a3']])
    expect(poller.settled).toEqual(['b1'])
    failing(engine)
    await pass(10_000)
    expect(batches().slice(3)).toEqual([['a1', 'a2', 'a3'], ['a4']])
    expect(poller.settled).toEqual(['b1', 'a1', 'a2', 'a3', 'a4'])
  })

  it('a partial answer moves the place to the first that failed', async () => {
    const poller = new FakePoller(true)
    poller.add('a1', 'a2', 'a3')
    const { engine, batches } = start(poller, { reportsFailures: true, maxRetries: 2 })
    const answer = '{"batchItemFailures":[{"itemIdentifier":"a3"},{"itemIdentifier":{"offset":"a2"}}]}'
    engine.onInvoke = (_, sink) => sink.onResult(result({ payload: Buffer.from(answer) }))
    await pass(10)
    expect(poller.settled).toEqual(['a1'])
    engine.onInvoke = (_, sink) => sink.onResult(result())
    await pass(1_100)
    expect(batches()).toEqual([
      ['a1', 'a2', 'a3'],
      ['a2', 'a3'],
    ])
    expect(poller.settled).toEqual(['a1', 'a2', 'a3'])
  })

  it('a bad record is found by halving, given up, and what is behind it goes on', async () => {
    const poller = new FakePoller(true)
    poller.add('a1', 'a2', 'a3')
    const { engine, discarded, batches } = start(poller, { bisects: true, maxRetries: 1 })
    failing(engine, 'a2')
    await pass(10_000)
    expect(batches()).toEqual([['a1', 'a2', 'a3'], ['a1', 'a2'], ['a1'], ['a2'], ['a2'], ['a3']])
    expect(discarded).toMatchObject([{ condition: 'RetryAttemptsExhausted', records: [{ id: 'a2' }], attempts: 2 }])
    expect(poller.settled).toEqual(['a1', 'a2', 'a3'])
  })

  it('records that are too old are given up', async () => {
    const poller = new FakePoller(true)
    poller.add('a1', 'a2')
    const { engine, discarded } = start(poller, { maxAgeMs: 60_000 })
    failing(engine, 'a1')
    await pass(130_000)
    expect(discarded).toMatchObject([{ condition: 'RecordAgeExceeded', records: [{ id: 'a1' }, { id: 'a2' }] }])
    expect(poller.settled).toEqual(['a1', 'a2'])
  })

  it('the place moves past what the filter holds back, in order', async () => {
    const poller = new FakePoller(true)
    poller.add('a1', 'a2', 'a3')
    const { batches } = start(poller, { filters: ['{"id":["a2"]}'] })
    await pass(10)
    expect(batches()).toEqual([['a2']])
    expect(poller.settled.at(-1)).toBe('a3')
  })
})

describe('a mapping', () => {
  it('opens its source anew when it failed, after a while', async () => {
    const poller = new FakePoller(false)
    const { results, batches } = start(poller)
    await pass(100)
    poller.failure = new Error('the source is away')
    await pass(2_500)
    expect(results).toContain('PROBLEM: the source is away')
    poller.failure = undefined
    poller.add('1')
    await pass(30_000)
    expect(batches()).toEqual([['1']])
    expect(poller.opens).toBeGreaterThan(1)
  })

  it('stops after the batch that runs, and leaves what waits', async () => {
    const poller = new FakePoller(true)
    poller.add('a1', 'a2', 'a3', 'a4')
    const { engine, runner } = start(poller)
    let sink!: InvocationSink
    engine.onInvoke = (_, one) => (sink = one)
    await pass(10)
    let stopped = false
    void runner.stop().then(() => (stopped = true))
    await pass(10_000)
    expect(stopped).toBe(false)
    sink.onResult(result())
    await pass(10)
    expect([stopped, poller.settled, engine.invocations.length, poller.closes]).toEqual([
      true,
      ['a1', 'a2', 'a3'],
      1,
      1,
    ])
  })

  it('keeps its records while they are worked on', async () => {
    const poller = new FakePoller(false)
    poller.add('1', '2', '3', '4')
    const { engine } = start(poller, { concurrency: 2, windowMs: 60_000 })
    let sink!: InvocationSink
    engine.onInvoke = (_, one) => (sink = one)
    await pass(20_100)
    expect(poller.kept).toEqual([['1', '2', '3', '4']])
    sink.onResult(result())
    await pass(20_000)
    expect(poller.kept[1]).toEqual(['4'])
    engine.onInvoke = (_, one) => one.onResult(result())
  })
})
