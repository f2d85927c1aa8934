import { Consumer, stringDeserializers, Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { kafkaJars, startKafka, type RunningKafka } from '../../../functions/src/event-sources/testing/start-kafka.ts'
import kafkaLogger from './kafka-logger.ts'
import { logCounts, startLoggerGateway, type LoggerGateway } from './logging/testing/logger-gateway.ts'
import { problemsOf } from './testing/mounted.ts'

const brokers = [{ host: '127.0.0.1', port: 9_092 }]
const sasl_config = { user: 'a', password: 'b' }

test.each([
  [{ kafka_topic: 't' }, 'needs "brokers" or "broker_list"'],
  [{ brokers, broker_list: { a: 1 }, kafka_topic: 't' }, 'has both'],
  [{ brokers }, 'kafka_topic'],
  [
    {
      brokers: [
        { host: 'a', port: 1, sasl_config },
        { host: 'b', port: 1 },
      ],
      kafka_topic: 't',
    },
    'must be that of the first broker',
  ],
  [
    { brokers: [{ host: 'a', port: 1, sasl_config: { ...sasl_config, mechanism: 'GSSAPI' } }], kafka_topic: 't' },
    'mechanism',
  ],
  [{ brokers, kafka_topic: 't', required_acks: 0 }, 'required_acks'],
  [{ brokers, kafka_topic: 't', meta_format: 'origin', log_format: { a: 'b' } }, 'has no place in'],
])('%j is refused', (config, message) => {
  expect(problemsOf(kafkaLogger, config).join()).toContain(message)
})

test('brokers that are away cost no request anything, and the batch has failed', async () => {
  const logger = await startLoggerGateway('kafka-logger')
  onTestFinished(() => logger.close())
  await logger.use({
    brokers: [{ host: '127.0.0.1', port: 1 }],
    kafka_topic: 't',
    batch_max_size: 1,
    timeout: 1,
    producer_type: 'sync',
  })
  expect((await logger.gateway.fetch('/')).status).toBe(200)
  await expect.poll(() => logCounts(logger.gateway, 'kafka-logger'), { timeout: 8_000 }).toMatchObject({ failed: 1 })
}, 15_000)

describe.skipIf(kafkaJars === undefined)('a Kafka broker (needs java and the jars of Kafka)', () => {
  let kafka: RunningKafka
  let logger: LoggerGateway
  let topics = 0
  beforeAll(async () => {
    kafka = await startKafka()
    logger = await startLoggerGateway('kafka-logger')
  }, 60_000)
  afterAll(async () => {
    await logger.close()
    await kafka.stop()
  })

  /** A topic of two partitions, and what is in it. */
  async function topic() {
    const name = `logs-${++topics}`
    const options = { clientId: 'test', bootstrapBrokers: [kafka.server] }
    const admin = new Admin(options)
    await admin.createTopics({ topics: [name], partitions: 2, replicas: 1 })
    await admin.close()
    const consumer = new Consumer({ ...options, groupId: name, deserializers: stringDeserializers })
    const stream = await consumer.consume({ topics: [name], mode: 'earliest', autocommit: false })
    onTestFinished(async () => {
      await stream.close()
      consumer.close(true)
    })
    const messages: { key: string | undefined; value: string; partition: number }[] = []
    stream.on('data', ({ key, value, partition }) =>
      messages.push({ key: key === null ? undefined : key, value, partition }),
    )
    return { name, messages }
  }

  const config = (kafka_topic: string, more: object = {}): object => {
    const [host, port] = kafka.server.split(':')
    return {
      brokers: [{ host, port: Number(port) }],
      kafka_topic,
      log_format: { u: '$request_uri' },
      producer_time_linger: 1,
      ...more,
    }
  }

  test('gets a batch as a JSON list, with the key', async () => {
    const { name, messages } = await topic()
    await logger.use(config(name, { batch_max_size: 2, key: 'k', producer_type: 'sync', required_acks: -1 }))
    for (const path of ['/1', '/2', '/3', '/4']) await logger.gateway.fetch(path)
    await expect.poll(() => messages.length, { timeout: 15_000 }).toBe(2)
    expect(messages.map(({ value }) => (JSON.parse(value) as { u: string }[]).map(({ u }) => u))).toEqual([
      ['/1', '/2'],
      ['/3', '/4'],
    ])
    expect(messages.map(({ key }) => key)).toEqual(['k', 'k'])
    expect(new Set(messages.map(({ partition }) => partition)).size).toBe(1)
    await expect.poll(() => logCounts(logger.gateway, 'kafka-logger')).toMatchObject({ sent: 4 })
  }, 30_000)

  test('gets messages of several batches together from an asynchronous producer; each once', async () => {
    const { name, messages } = await topic()
    await logger.use(config(name, { batch_max_size: 1, producer_batch_num: 10 }))
    for (let request = 0; request < 25; request++) await logger.gateway.fetch(`/${request}`)
    await expect.poll(() => messages.length, { timeout: 15_000 }).toBe(25)
    const paths = messages.map(({ value }) => (JSON.parse(value) as { u: string }).u).sort()
    expect(paths).toEqual(Array.from({ length: 25 }, (_, at) => `/${at}`).sort())
    // Without a key both partitions have some.
    expect(new Set(messages.map(({ partition }) => partition)).size).toBe(2)
  }, 30_000)

  test('gets the request as text with meta_format: origin', async () => {
    const { name, messages } = await topic()
    const { log_format: _format, ...rest } = config(name, {
      batch_max_size: 1,
      meta_format: 'origin',
      include_req_body: true,
    }) as { log_format: object }
    await logger.use(rest)
    await logger.gateway.fetch('/a?b=c', {
      method: 'POST',
      body: 'the body',
      headers: { 'Content-Length': '8', Cookie: 'secret' },
    })
    await expect.poll(() => messages.length, { timeout: 15_000 }).toBe(1)
    const [{ value }] = messages
    expect(value).toMatch(/^POST \/a\?b=c HTTP\/1\.1\r\n/)
    expect(value).toMatch(/cookie: \*\*\*\r\n/i)
    expect(value).toMatch(/\r\n\r\nthe body$/)
  }, 30_000)
})
