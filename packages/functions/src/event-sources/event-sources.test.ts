import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished, test, vi } from 'vitest'
import type { QueuedInvocation } from '../async/event-queue.ts'
import { redisServer, startRedis } from '../async/testing/start-redis.ts'
import { ARN, FakeTargets } from '../async/testing/queue-harness.ts'
import type { MappingRecord } from '../catalog/records/mapping-record.ts'
import { FakeCatalog } from '../control-api/testing/fake-catalog.ts'
import { FakeEngine, result } from '../control-api/testing/fake-engine.ts'
import { EventSources, mappingProblem } from './event-sources.ts'

const QUEUE = 'arn:aws:sqs:us-east-1:000000000000:orders'

class Mappings extends FakeCatalog {
  readonly all = new Map<string, MappingRecord>()
  readonly reports = new Map<string, string>()
  listener: (uuid: string, mapping: MappingRecord | undefined) => void = () => {}

  mappings = () => [...this.all.values()]
  onMappingChange(listener: typeof this.listener) {
    this.listener = listener
    return () => {}
  }
  reportMapping(uuid: string, { lastProcessingResult }: { lastProcessingResult: string }) {
    this.reports.set(uuid, lastProcessingResult)
  }
  put(settings: MappingRecord['settings'], enabled = true): void {
    const mapping: MappingRecord = {
      uuid: 'u',
      functionName: 'echo',
      qualifier: undefined,
      enabled,
      modifiedAt: 0,
      settings: { EventSourceArn: QUEUE, BatchSize: 10, ...settings },
      tags: {},
    }
    this.all.set('u', mapping)
    this.listener('u', mapping)
  }
}

async function setUp() {
  const { url } = await startRedis()
  const redis = new Redis(url)
  onTestFinished(() => redis.disconnect())
  const catalog = new Mappings('echo', 'other')
  const engine = new FakeEngine()
  const bodies: string[] = []
  engine.onInvoke = ({ payload }, sink) => {
    const { Records } = JSON.parse(payload.toString()) as { Records: { body: string }[] }
    bodies.push(...Records.map(({ body }) => body))
    sink.onResult(result())
  }
  const targets = new FakeTargets()
  const queued: QueuedInvocation[] = []
  const problems: string[] = []
  const sources = new EventSources({
    catalog,
    engine,
    events: { enqueue: async (invocation) => void queued.push(invocation) },
    targets,
    queues: { [QUEUE]: `${url}?stream=orders` },
    node: 'node-1',
    region: 'us-east-1',
    onProblem: (_, message) => problems.push(message),
  })
  onTestFinished(() => sources.close())
  const add = (body: string) => redis.xadd('orders', '*', 'body', body)
  const pending = async () => (await redis.xpending('orders', 'u'))[0]
  return { catalog, engine, bodies, targets, queued, problems, sources, add, pending, redis }
}

describe.skipIf(redisServer === undefined)('event source mappings (need redis-server)', () => {
  it('run while they are enabled, go on where they were, and end when they are deleted', async () => {
    const { catalog, bodies, sources, add, pending } = await setUp()
    await add('1')
    catalog.put({})
    await vi.waitFor(() => expect(bodies).toEqual(['1']))
    await vi.waitFor(async () => expect(await pending()).toBe(0))
    expect(catalog.reports.get('u')).toBe('OK')
    catalog.put({}, false)
    await add('2')
    catalog.put({ BatchSize: 5 })
    await vi.waitFor(() => expect(bodies).toEqual(['1', '2']))
    expect(sources.metrics()).toContain('sekisho_event_source_records_total{function="echo",mapping="u"} ')
    catalog.listener('u', undefined)
    await sources.close()
    await add('3')
    expect(sources.metrics()).toBe('')
    expect(bodies).toEqual(['1', '2'])
  })

  it('tell OnFailure what is given up: a queue, or a function', async () => {
    const { catalog, engine, targets, queued, add, pending } = await setUp()
    engine.onInvoke = (_, sink) => sink.onResult(result({ functionError: 'Unhandled' }))
    const failure = (Destination: string) => ({
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination } },
    })
    catalog.put(failure(`${QUEUE}-failed`))
    const id = await add('bad')
    await vi.waitFor(() => expect(targets.sent).toHaveLength(1))
    const { arn, body } = targets.sent[0]!
    expect(arn).toBe(`${QUEUE}-failed`)
    expect(JSON.parse(body)).toMatchObject({
      version: '1.0',
      requestContext: {
        functionArn: `${ARN}echo`,
        condition: 'RetryAttemptsExhausted',
        approximateInvokeCount: 1,
      },
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      BatchInfo: { batchSize: 1, eventSourceArn: QUEUE, firstRecord: id, lastRecord: id },
      payload: { Records: [{ body: 'bad' }] },
    })
    await vi.waitFor(async () => expect(await pending()).toBe(0))
    catalog.put(failure(`${ARN}other`))
    await add('bad')
    await vi.waitFor(() => expect(queued).toHaveLength(1))
    expect(queued[0]).toMatchObject({ functionName: 'other', invokedArn: `${ARN}other` })
  })

  it('say what is wrong with their source', async () => {
    const { catalog, problems } = await setUp()
    catalog.put({ EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:unknown' })
    await vi.waitFor(() => expect(catalog.reports.get('u')).toContain('nothing is known to stand behind arn:aws:sqs'))
    expect(problems).toEqual(['an event source has a problem'])
  })
})

test.each<[settings: object, problem: string | undefined]>([
  [{ EventSourceArn: QUEUE }, undefined],
  [{ EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:x' }, 'nothing is known to stand behind'],
  [{ EventSourceArn: 'arn:aws:kinesis:x' }, 'from which nothing can be read: use redis://, nats:// or kafka://'],
  [
    { SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['a:9092', 'b:9092'] } }, Topics: ['t'] },
    undefined,
  ],
  [{ SelfManagedEventSource: { Endpoints: { NATS_SERVERS: ['a:4222'] } }, Topics: ['t'] }, undefined],
  [{ SelfManagedEventSource: { Endpoints: { REDIS_URLS: ['rediss://u:p@a:6379/1'] } }, Topics: ['t'] }, undefined],
  [
    { SelfManagedEventSource: { Endpoints: { REDIS_URLS: ['nats://a'] } }, Topics: ['t'] },
    'nats://a is no server of REDIS_URLS',
  ],
  [{ SelfManagedEventSource: { Endpoints: { REDIS_URLS: ['a b'] } }, Topics: ['t'] }, 'a b is no server of REDIS_URLS'],
  [
    { SelfManagedEventSource: { Endpoints: { RABBIT: ['a'] } }, Topics: ['t'] },
    'must have one of KAFKA_BOOTSTRAP_SERVERS',
  ],
  [{ SelfManagedEventSource: { Endpoints: { NATS_SERVERS: ['a'] } } }, 'Topics must name the stream'],
  [{ EventSourceArn: QUEUE, FilterCriteria: { Filters: [{ Pattern: '{"a":1}' }] } }, 'a must be a list of values'],
])('%j: %s', (settings, problem) => {
  const queues = { [QUEUE]: 'redis://127.0.0.1', 'arn:aws:kinesis:*': 'file:///tmp/x' }
  const found = mappingProblem(settings as Record<string, unknown>, queues)
  if (problem === undefined) expect(found).toBeUndefined()
  else expect(found).toContain(problem)
})
