import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { redisServer, startRedis } from '../../async/testing/start-redis.ts'
import type { Poller, SourceRecord } from '../poller.ts'
import type { SourceAddress } from '../source-address.ts'
import { RedisStreamPoller, type RedisPollerOptions } from './redis-stream-poller.ts'

const ARN = 'arn:aws:sqs:us-east-1:000000000000:orders'

async function setUp() {
  const { url, kill } = await startRedis()
  const redis = new Redis(url)
  redis.on('error', () => undefined)
  onTestFinished(() => redis.disconnect())
  const open = async (parts: Partial<RedisPollerOptions> = {}, query = ''): Promise<Poller> => {
    const urls = [new URL(url + query)]
    const address: SourceAddress = { kind: 'redis', urls, name: 'orders', arn: ARN, selfManaged: false, group: 'g' }
    const poller = await RedisStreamPoller.open({
      address,
      start: { from: 'first' },
      consumer: 'node-1',
      region: 'us-east-1',
      ...parts,
    })
    onTestFinished(() => poller.close())
    return poller
  }
  const add = (body: string, ...fields: string[]) => redis.xadd('orders', '*', 'body', body, ...fields)
  return { redis, open, add, kill }
}

const pending = async (redis: Redis) => (await redis.xpending('orders', 'g'))[0]

const bodies = (records: readonly SourceRecord[]) => records.map(({ contents }) => contents['body'])

describe.skipIf(redisServer === undefined)('a Redis stream (needs redis-server)', () => {
  test('gives records as SQS does, and acknowledges what is settled', async () => {
    const { redis, open, add } = await setUp()
    const poller = await open()
    const polling = poller.poll(10, 5_000)
    const id = await add('{"a":"関所"}', 'colour', 'red')
    const records = await polling
    expect(poller.eventOf(records)).toEqual({
      Records: [
        {
          messageId: id,
          receiptHandle: id,
          body: '{"a":"関所"}',
          attributes: {
            ApproximateReceiveCount: '1',
            SentTimestamp: id!.split('-')[0],
            SenderId: 'sekisho',
            ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/) as string,
          },
          messageAttributes: {
            colour: { stringValue: 'red', stringListValues: [], binaryListValues: [], dataType: 'String' },
          },
          md5OfBody: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
          eventSource: 'aws:sqs',
          eventSourceARN: ARN,
          awsRegion: 'us-east-1',
        },
      ],
    })
    expect(await pending(redis)).toBe(1)
    await poller.settle(records)
    expect(await pending(redis)).toBe(0)
    expect(await redis.xlen('orders')).toBe(1)
    expect(await poller.poll(10, 20)).toEqual([])
  })

  test('gives all fields of an entry that has no body', async () => {
    const { redis, open } = await setUp()
    const poller = await open()
    await redis.xadd('orders', '*', 'a', '1', 'b', '2')
    expect(bodies(await poller.poll(1, 1_000))).toEqual(['{"a":"1","b":"2"}'])
  })

  test('deletes what is settled when its URL says so', async () => {
    const { redis, open, add } = await setUp()
    const poller = await open({}, '?delete=true')
    await add('1')
    await poller.settle(await poller.poll(1, 1_000))
    expect(await redis.xlen('orders')).toBe(0)
  })

  test('begins where the mapping says, and goes on where the group is', async () => {
    const { open, add } = await setUp()
    await add('old')
    const poller = await open({ start: { from: 'new' } })
    await add('new')
    expect(bodies(await poller.poll(10, 1_000))).toEqual(['new'])
    // The group is there: where it is counts.
    const again = await open({ start: { from: 'first' }, consumer: 'node-2' })
    expect(await again.poll(10, 10)).toEqual([])
  })

  test('gives what failed again after its delay, counted', async () => {
    const { open, add } = await setUp()
    const poller = await open()
    await add('1')
    let records = await poller.poll(10, 1_000)
    for (const count of [2, 3]) {
      await poller.retry(records, 30)
      // A poll ends when it is due, however long it may wait.
      do records = await poller.poll(10, 60_000)
      while (records.length === 0)
      expect(records[0]!.event['attributes']).toMatchObject({ ApproximateReceiveCount: String(count) })
      expect(records[0]!.deliveries).toBe(count - 1)
    }
  })

  test('gives what it had before a restart again', async () => {
    const { open, add } = await setUp()
    const before = await open()
    await add('1')
    await add('2')
    await before.poll(10, 1_000)
    await before.close()
    const after = await open()
    const records = [...(await after.poll(1, 10)), ...(await after.poll(1, 10))]
    expect(bodies(records)).toEqual(['1', '2'])
    await after.settle(records)
    expect(await after.poll(10, 10)).toEqual([])
  })

  test('takes over what a dead consumer had, but not what a living one keeps', async () => {
    const { open, add } = await setUp()
    const dead = await open({ consumer: 'node-1' })
    await add('1')
    await add('2')
    const [first, second] = await dead.poll(10, 1_000)
    const heir = await open({ consumer: 'node-2', visibilityMs: 200 })
    let taken: readonly SourceRecord[] = []
    while (taken.length === 0) {
      await dead.keep([first!])
      taken = await heir.poll(10, 20)
    }
    expect(taken.map(({ id, deliveries }) => [id, deliveries])).toEqual([[second!.id, 1]])
  })

  test('drops what was trimmed while it was pending', async () => {
    const { redis, open, add } = await setUp()
    const before = await open()
    await add('1')
    await before.poll(10, 1_000)
    await before.close()
    await redis.xtrim('orders', 'MAXLEN', 0)
    const after = await open()
    expect(await after.poll(10, 10)).toEqual([])
    expect(await pending(redis)).toBe(0)
  })

  test('rejects when the server is gone', async () => {
    const { open, kill } = await setUp()
    const poller = await open()
    const polling = expect(poller.poll(1, 10_000)).rejects.toThrow()
    await kill()
    await polling
    await expect(open()).rejects.toThrow()
  })
})
