import { type Client, type ClientReadableStream, status } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { protoPath } from 'grpc-health-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { HelloReply } from './messages.ts'
import { type RunningGreeter, startGreeter } from './start-greeter.ts'
import {
  type Answer,
  clientOf,
  type GreeterClient,
  greeterClient,
  messagesOf,
  promised,
  read,
  sayHello,
} from './testing/greeter-client.ts'

let greeter: RunningGreeter
let client: GreeterClient
beforeEach(async () => {
  greeter = await startGreeter({ drainLimitMs: 60_000 })
  client = greeterClient(greeter.port)
})
afterEach(async () => {
  client.close()
  greeter.abort()
  await greeter.stop()
})

const texts = (replies: readonly HelloReply[]): string[] => replies.map(({ message }) => message)

it('answers one request with one reply', async () => {
  expect(await sayHello(client, { name: 'Ada' })).toEqual({ message: 'Hello Ada' })
})

it('answers one request with as many replies as were asked for, or five', async () => {
  expect(texts(await messagesOf(client.SayHelloStreamReply({ name: 'Ada', count: 2 })))).toEqual([
    'Hello Ada, 1 of 2',
    'Hello Ada, 2 of 2',
  ])
  expect(await messagesOf(client.SayHelloStreamReply({ name: 'Ada' }))).toHaveLength(5)
})

it.each([
  [['Ada'], 'Hello Ada'],
  [['Ada', 'Bob', 'Cleo'], 'Hello Ada, Bob, Cleo'],
  [['Ada', 'Bob', 'Cleo', 'Dan', 'Eve'], 'Hello Ada, Bob, Cleo and 2 more'],
])('answers the requests %j with one reply', async (names, message) => {
  const reply = promised<HelloReply>((answer) => {
    const call = client.LotsOfGreetings(answer)
    for (const name of names) call.write({ name })
    call.end()
  })
  expect(await reply).toEqual({ message })
})

it('answers each request of a stream while the next is not sent yet', async () => {
  const call = client.SayHelloBidiStream()
  const replies = read(call)
  for (const name of ['Ada', 'Bob']) {
    call.write({ name })
    expect(await replies.next()).toEqual({ message: `Hello ${name}` })
  }
  call.end()
  expect(await replies.rest()).toEqual([])
})

it.each([
  ['an empty name', {}, 'the name is empty; say who is there, as “Zoë” or 「関所」'],
  ['a long delay', { name: 'a', delay_ms: 60_001 }, 'delay_ms is 60000 at most, not 60001'],
  ['many replies', { name: 'a', count: 1001 }, 'count is 1000 at most, not 1001'],
])('refuses %s', async (_what, request, details) => {
  const refused = { code: status.INVALID_ARGUMENT, details }
  await expect(sayHello(client, request)).rejects.toMatchObject(refused)
  await expect(messagesOf(client.SayHelloStreamReply(request))).rejects.toMatchObject(refused)
  await expect(
    promised((answer) => {
      const call = client.LotsOfGreetings(answer)
      call.write({ name: 'Ada' })
      call.write(request)
    }),
  ).rejects.toMatchObject(refused)
  const both = client.SayHelloBidiStream()
  const replies = read(both)
  both.write({ name: 'Ada' })
  expect(await replies.next()).toEqual({ message: 'Hello Ada' })
  both.write(request)
  await expect(replies.next()).rejects.toMatchObject(refused)
})

it('refuses an empty stream of requests', async () => {
  await expect(promised((answer) => client.LotsOfGreetings(answer).end())).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: 'nobody to greet: the stream of requests was empty',
  })
})

it('sends long streams whole, at the pace of the client', async () => {
  const name = 'x'.repeat(100_000)
  const replies = await messagesOf(client.SayHelloStreamReply({ name, count: 100 }))
  expect(texts(replies)).toEqual(Array.from({ length: 100 }, (_, at) => `Hello ${name}, ${at + 1} of 100`))
})

interface HealthClient extends Client {
  Check(request: { service: string }, answer: Answer<{ status: string }>): unknown
  Watch(request: { service: string }): ClientReadableStream<{ status: string }>
}
const healthClient = (): HealthClient =>
  clientOf(loadSync(protoPath, { enums: String }), 'grpc.health.v1.Health', greeter.port)
const healthOf = (health: HealthClient, service: string) =>
  promised<{ status: string }>((answer) => health.Check({ service }, answer))

it('is healthy, as a whole and by service', async () => {
  const health = healthClient()
  expect(await healthOf(health, '')).toEqual({ status: 'SERVING' })
  expect(await healthOf(health, 'helloworld.Greeter')).toEqual({ status: 'SERVING' })
  await expect(healthOf(health, 'other.Service')).rejects.toMatchObject({ code: status.NOT_FOUND })
  health.close()
})

it('stops under load: tells who watches, finishes what is in flight, takes nothing new', async () => {
  const health = healthClient()
  const watch = read(health.Watch({ service: 'helloworld.Greeter' }))
  expect(await watch.next()).toEqual({ status: 'SERVING' })
  const streams = Array.from({ length: 20 }, () =>
    read(client.SayHelloStreamReply({ name: 'Ada', count: 10, delay_ms: 20 })),
  )
  const unary = Array.from({ length: 20 }, () => sayHello(client, { name: 'Ada', delay_ms: 100 }))
  const bidi = client.SayHelloBidiStream()
  const replies = read(bidi)
  bidi.write({ name: 'Ada' })
  await Promise.all([replies.next(), ...streams.map((stream) => stream.next())])

  const stopped = greeter.stop()
  expect(await watch.next()).toEqual({ status: 'NOT_SERVING' })
  await expect(watch.next()).rejects.toMatchObject({ code: status.UNAVAILABLE, details: 'the server stops' })

  const late = greeterClient(greeter.port)
  await expect(sayHello(late, { name: 'late' })).rejects.toMatchObject({ code: status.UNAVAILABLE })
  late.close()
  for (const stream of streams) expect(await stream.rest()).toHaveLength(9)
  expect(new Set(texts(await Promise.all(unary)))).toEqual(new Set(['Hello Ada']))
  bidi.write({ name: 'Bob' })
  expect(await replies.next()).toEqual({ message: 'Hello Bob' })

  bidi.end()
  expect(await replies.next()).toBeUndefined()
  expect(await stopped).toBe(true)
  health.close()
})

it('says NOT_SERVING while it serves on for the delay, which can be cut short', async () => {
  const delayed = await startGreeter({ stopDelayMs: 60_000 })
  const other = greeterClient(delayed.port)
  const health = clientOf<HealthClient>(loadSync(protoPath, { enums: String }), 'grpc.health.v1.Health', delayed.port)
  await healthOf(health, '')
  const stopped = delayed.stop()
  expect(await healthOf(health, '')).toEqual({ status: 'NOT_SERVING' })
  expect(await sayHello(other, { name: 'Ada' })).toEqual({ message: 'Hello Ada' })
  other.close()
  health.close()
  delayed.abort()
  expect(await stopped).toBe(true)
})

it('breaks off what is in flight at the limit', async () => {
  const strict = await startGreeter({ drainLimitMs: 1 })
  const other = greeterClient(strict.port)
  const call = other.SayHelloBidiStream()
  const replies = read(call)
  call.write({ name: 'Ada' })
  await replies.next()
  const broken = expect(replies.next()).rejects.toThrow('CANCELLED')
  expect(await strict.stop()).toBe(false)
  await broken
  other.close()
})

it('closes everything when its port is taken', async () => {
  await expect(startGreeter({ port: greeter.port, metricsPort: 0, webPort: 0 })).rejects.toThrow('EADDRINUSE')
})
