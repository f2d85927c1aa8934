import { Admin, Producer } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from 'vitest'
import type { Poller, SourceRecord } from '../poller.ts'
import { kafkaJars, startKafka, type RunningKafka } from '../testing/start-kafka.ts'
import { KafkaPoller, type KafkaPollerOptions } from './kafka-poller.ts'
import { kafkaEvent, kafkaRecord } from './kafka-record.ts'

const ADDRESS = { kind: 'kafka' as const, name: 'orders', arn: 'arn:aws:kafka:us-east-1:1:cluster/a', group: 'g' }

test('an event is as AWS has it', () => {
  const message = {
    topic: 'orders',
    partition: 3,
    offset: 15n,
    timestamp: 1_795_288_013_435n,
    key: undefined,
    value: Buffer.from('関所'),
    headers: new Map([[Buffer.from('colour'), Buffer.from([114, 200])]]),
  }
  const urls = [new URL('kafka://a:9092'), new URL('kafka://b:9092')]
  const record = kafkaRecord(message)
  const records = {
    'orders-3': [
      {
        topic: 'orders',
        partition: 3,
        offset: 15,
        timestamp: 1_795_288_013_435,
        timestampType: 'CREATE_TIME',
        value: '6Zai5omA',
        headers: [{ colour: [114, -56] }],
      },
    ],
  }
  expect(kafkaEvent([record], { ...ADDRESS, urls, selfManaged: true })).toEqual({
    eventSource: 'SelfManagedKafka',
    bootstrapServers: 'a:9092,b:9092',
    records,
  })
  expect(kafkaEvent([record], { ...ADDRESS, urls, selfManaged: false })).toMatchObject({
    eventSource: 'aws:kafka',
    eventSourceArn: ADDRESS.arn,
  })
})

describe.skipIf(kafkaJars === undefined)('a Kafka topic (needs java and the jars of Kafka)', () => {
  let kafka: RunningKafka
  let topics = 0
  beforeAll(async () => void (kafka = await startKafka()), 60_000)
  afterAll(() => kafka.stop())

  async function setUp() {
    const name = `orders-${++topics}`
    const options = { clientId: 'test', bootstrapBrokers: [kafka.server] }
    const admin = new Admin(options)
    await admin.createTopics({ topics: [name], partitions: 2, replicas: 1 })
    await admin.close()
    const producer = new Producer(options)
    onTestFinished(() => producer.close())
    const add = (partition: number, ...values: string[]) =>
      producer.send({
        acks: -1,
        messages: values.map((value) => ({ topic: name, partition, key: Buffer.from('k'), value: Buffer.from(value) })),
      })
    const open = async (parts: Partial<KafkaPollerOptions> = {}): Promise<Poller> => {
      const urls = [new URL(`kafka://${kafka.server}`)]
      const poller = await KafkaPoller.open({
        address: { ...ADDRESS, name, urls, selfManaged: true, group: `group-${name}` },
        start: { from: 'first' },
        consumer: 'node-1',
        ...parts,
      })
      onTestFinished(() => poller.close())
      return poller
    }
    return { open, add }
  }

  it('gives records of all partitions, and goes on behind what was settled', { timeout: 60_000 }, async () => {
    const { open, add } = await setUp()
    await add(0, 'a', 'b', 'c')
    await add(1, 'd')
    const before = await open()
    const records = await pollSome(before, 4)
    const lanes = grouped(records)
    expect(
      [...lanes.values()].map((some) => some.map(({ id }) => id).join()).sort((a, b) => a.length - b.length),
    ).toEqual(['0', '0,1,2'])
    expect(new Set(records.map(({ contents }) => contents['value']))).toEqual(new Set(['a', 'b', 'c', 'd']))
    await before.settle([...lanes.values()].find((some) => some.length === 3)!.slice(0, 2))
    await before.close()

    const after = await open()
    const rest = await pollSome(after, 2)
    expect(new Set(rest.map(({ contents }) => contents['value']))).toEqual(new Set(['c', 'd']))
  })

  it('begins at what is new, or at a time', { timeout: 60_000 }, async () => {
    const { open, add } = await setUp()
    await add(0, 'old')
    const poller = await open({ start: { from: 'new' } })
    expect(await poller.poll(10, 200)).toEqual([])
    await add(0, 'new')
    const records = await pollSome(poller, 1)
    expect(records[0]!.contents['value']).toBe('new')
    await poller.close()
    const timed = await open({ start: { from: 'time', at: records[0]!.at } })
    const [first] = await pollSome(timed, 1)
    expect(first!.at).toBeGreaterThanOrEqual(records[0]!.at)
  })

  it('rejects when no broker is there', async () => {
    const { open } = await setUp()
    const urls = [new URL('kafka://127.0.0.1:1')]
    await expect(open({ address: { ...ADDRESS, urls, selfManaged: true } })).rejects.toThrow()
  })
})

function grouped(records: readonly SourceRecord[]): Map<string, SourceRecord[]> {
  const lanes = new Map<string, SourceRecord[]>()
  for (const record of records) lanes.set(record.lane, [...(lanes.get(record.lane) ?? []), record])
  return lanes
}

async function pollSome(poller: Poller, count: number): Promise<SourceRecord[]> {
  const records: SourceRecord[] = []
  while (records.length < count) records.push(...(await poller.poll(count - records.length, 1_000)))
  return records
}
