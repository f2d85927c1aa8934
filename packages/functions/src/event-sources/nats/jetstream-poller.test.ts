import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, headers } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Poller, SourceRecord } from '../poller.ts'
import { natsServer, startNats } from '../testing/start-nats.ts'
import { JetStreamPoller, type JetStreamPollerOptions } from './jetstream-poller.ts'

const ARN = 'arn:sekisho:nats:::ORDERS'

async function setUp() {
  const { url, kill } = await startNats()
  const connection = await connect({ servers: url.slice('nats://'.length), reconnect: false })
  onTestFinished(() => connection.close())
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: 'ORDERS', subjects: ['orders.>'] })
  const js = jetstream(connection)
  const open = async (parts: Partial<JetStreamPollerOptions> = {}, query = '', group = 'a.b'): Promise<Poller> => {
    const urls = [new URL(url + query)]
    const poller = await JetStreamPoller.open({
      address: { kind: 'nats', urls, name: 'ORDERS', arn: ARN, selfManaged: true, group },
      start: { from: 'first' },
      region: 'us-east-1',
      ...parts,
    })
    onTestFinished(() => poller.close())
    return poller
  }
  const pending = async () => {
    const { num_ack_pending, num_pending } = await manager.consumers.info('ORDERS', 'sekisho-a_b')
    return [num_ack_pending, num_pending]
  }
  return { js, open, pending, kill }
}

const bodies = (records: readonly SourceRecord[]) => records.map(({ contents }) => contents['body'])

async function pollSome(poller: Poller, count: number): Promise<SourceRecord[]> {
  const records: SourceRecord[] = []
  while (records.length < count) records.push(...(await poller.poll(count - records.length, 1_000)))
  return records
}

describe.skipIf(natsServer === undefined)('a JetStream stream (needs nats-server)', () => {
  test('gives messages as SQS does, and acknowledges what is settled', async () => {
    const { js, open, pending } = await setUp()
    const poller = await open()
    const polling = pollSome(poller, 2)
    const colour = headers()
    colour.append('colour', 'red')
    await js.publish('orders.new', '{"a":"関所"}', { headers: colour })
    await js.publish('orders.old', 'two')
    const records = await polling
    expect(poller.eventOf(records)).toMatchObject({
      Records: [
        {
          messageId: 'ORDERS-1',
          body: '{"a":"関所"}',
          attributes: {
            ApproximateReceiveCount: '1',
            SentTimestamp: expect.stringMatching(/^\d{13}$/) as string,
          },
          messageAttributes: { subject: { stringValue: 'orders.new' }, colour: { stringValue: 'red' } },
          eventSource: 'aws:sqs',
          eventSourceARN: ARN,
        },
        { messageId: 'ORDERS-2', body: 'two' },
      ],
    })
    expect(await pending()).toEqual([2, 0])
    await poller.settle(records)
    expect(await pending()).toEqual([0, 0])
  })

  test('gives what failed again after its delay, counted', async () => {
    const { js, open } = await setUp()
    const poller = await open()
    await js.publish('orders.new', '1')
    for (const deliveries of [0, 1, 2]) {
      const [record] = await pollSome(poller, 1)
      expect(record!.deliveries).toBe(deliveries)
      await poller.retry([record!], 30)
    }
  })

  test('gives back what was not done when it closes', async () => {
    const { js, open } = await setUp()
    const before = await open()
    await js.publish('orders.new', '1')
    await pollSome(before, 1)
    await before.close()
    const after = await open()
    expect(bodies(await pollSome(after, 1))).toEqual(['1'])
  })

  test('gives what a dead consumer had to another, but not what a living one keeps', async () => {
    const { js, open } = await setUp()
    const dead = await open({ visibilityMs: 300 })
    await js.publish('orders.new', '1')
    const [record] = await pollSome(dead, 1)
    const heir = await open()
    const until = Date.now() + 900
    while (Date.now() < until) {
      await dead.keep([record!])
      expect(await heir.poll(1, 50)).toEqual([])
    }
    const [taken] = await pollSome(heir, 1)
    expect([taken!.id, taken!.deliveries]).toEqual(['ORDERS-1', 1])
  })

  test('begins where the mapping says, and reads only the subject of its URL', async () => {
    const { js, open } = await setUp()
    await js.publish('orders.new', 'old')
    const poller = await open({ start: { from: 'new' } }, '?subject=orders.new', 'other')
    await js.publish('orders.old', 'not this')
    await js.publish('orders.new', 'new')
    expect(bodies(await pollSome(poller, 1))).toEqual(['new'])
  })

  test('rejects when there is no such stream, and when the server is gone', async () => {
    const { open, kill } = await setUp()
    const poller = await open()
    const address = { kind: 'nats' as const, name: 'NONE', arn: ARN, selfManaged: true, group: 'g' }
    await expect(open({ address: { ...address, urls: [new URL('nats://127.0.0.1:1')] } })).rejects.toThrow()
    const polling = (async () => {
      for (;;) await poller.poll(1, 1_000)
    })()
    const rejected = expect(polling).rejects.toThrow()
    await kill()
    await rejected
  })
})
