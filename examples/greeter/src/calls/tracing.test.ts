import { afterEach, beforeEach, expect, it } from 'vitest'
import { startGreeter } from '../start-greeter.ts'
import { type FakeCollector, startFakeCollector } from '../testing/fake-collector.ts'
import { greeterClient, sayHello } from '../testing/greeter-client.ts'

let collector: FakeCollector
beforeEach(async () => {
  collector = await startFakeCollector()
})
afterEach(() => collector.close())

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const SERVER = 2
const ERROR = 2

it('sends a span for each call, which continues the trace of its caller', async () => {
  const greeter = await startGreeter({ otlpEndpoint: collector.endpoint })
  const client = greeterClient(greeter.port)
  await sayHello(client, { name: 'Ada' }, { traceparent: `00-${TRACE}-${PARENT}-01` })
  await expect(sayHello(client, {})).rejects.toThrow()
  await expect(sayHello(client, { name: 'a', delay_ms: 60_000 }, {}, { deadline: Date.now() + 100 })).rejects.toThrow()
  client.close()
  expect(await greeter.stop()).toBe(true)

  expect(new Set(collector.paths)).toEqual(new Set(['/v1/traces']))
  expect(new Set(collector.serviceNames)).toEqual(new Set(['greeter']))
  const [continued, refused, late] = collector.spans
  expect(continued).toMatchObject({
    traceId: TRACE,
    parentSpanId: PARENT,
    kind: SERVER,
    name: 'helloworld.Greeter/SayHello',
  })
  const attributes = Object.fromEntries(continued.attributes.map(({ key, value }) => [key, value.stringValue]))
  expect(attributes).toMatchObject({
    'rpc.system': 'grpc',
    'rpc.service': 'helloworld.Greeter',
    'rpc.method': 'SayHello',
    'rpc.response.status_code': 'OK',
  })
  // A wrong argument is no fault of the server.
  expect(refused.parentSpanId ?? '').toBe('')
  expect(refused.traceId).not.toBe(TRACE)
  expect(refused.status.code ?? 0).not.toBe(ERROR)
  expect(late.status).toMatchObject({ code: ERROR, message: 'deadline exceeded' })
})

it('stops when the collector is gone', async () => {
  await collector.close()
  const greeter = await startGreeter({ otlpEndpoint: collector.endpoint })
  const client = greeterClient(greeter.port)
  expect(await sayHello(client, { name: 'Ada' })).toEqual({ message: 'Hello Ada' })
  client.close()
  expect(await greeter.stop()).toBe(true)
})
