import { once } from 'node:events'
import { connect } from 'node:http2'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { greeterDefinition } from '../proto.ts'
import { type RunningGreeter, startGreeter } from '../start-greeter.ts'
import { type GreeterClient, greeterClient, messagesOf, read, sayHello } from '../testing/greeter-client.ts'

let greeter: RunningGreeter
let client: GreeterClient
beforeEach(async () => {
  greeter = await startGreeter({ metricsPort: 0 })
  client = greeterClient(greeter.port)
})
afterEach(async () => {
  client.close()
  greeter.abort()
  await greeter.stop()
})

const scrape = async (): Promise<string> => (await fetch(`http://127.0.0.1:${greeter.metricsPort}/metrics`)).text()
const SAY_HELLO = 'grpc_type="unary",grpc_service="helloworld.Greeter",grpc_method="SayHello"'
const BIDI = 'grpc_type="bidi_stream",grpc_service="helloworld.Greeter",grpc_method="SayHelloBidiStream"'

it('counts calls by method and status, and times them', async () => {
  await sayHello(client, { name: 'Ada' })
  await sayHello(client, { name: 'Ada' })
  await expect(sayHello(client, {})).rejects.toThrow('INVALID_ARGUMENT')
  await messagesOf(client.SayHelloStreamReply({ name: 'Ada' }))
  const text = await scrape()
  expect(text).toContain(`grpc_server_started_total{${SAY_HELLO}} 3\n`)
  expect(text).toContain(`grpc_server_handled_total{${SAY_HELLO},grpc_code="OK"} 2\n`)
  expect(text).toContain(`grpc_server_handled_total{${SAY_HELLO},grpc_code="INVALID_ARGUMENT"} 1\n`)
  expect(text).toContain(`grpc_server_handling_seconds_count{${SAY_HELLO}} 3\n`)
  expect(text).toContain(`grpc_server_in_flight{${SAY_HELLO}} 0\n`)
  expect(text).toMatch(/grpc_server_handled_total\{grpc_type="server_stream",.*grpc_code="OK"\} 1\n/)
  expect(text).toContain('process_cpu_seconds_total')
})

it('counts what is in flight, and what was cancelled', async () => {
  const call = client.SayHelloBidiStream()
  const replies = read(call)
  call.write({ name: 'Ada' })
  await replies.next()
  expect(await scrape()).toContain(`grpc_server_in_flight{${BIDI}} 1\n`)
  call.cancel()
  await expect(replies.next()).rejects.toThrow('CANCELLED')
  await expect.poll(scrape).toContain(`grpc_server_handled_total{${BIDI},grpc_code="CANCELLED"} 1\n`)
  expect(await scrape()).toContain(`grpc_server_in_flight{${BIDI}} 0\n`)
})

it('counts what took longer than its deadline', async () => {
  // A client that does not cancel by itself: its cancellation and our deadline would run a race.
  const session = connect(`http://127.0.0.1:${greeter.port}`)
  const call = session.request({
    ':method': 'POST',
    ':path': greeterDefinition['SayHello'].path,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': '50m',
  })
  const message = greeterDefinition['SayHello'].requestSerialize({ name: 'Ada', delay_ms: 60_000 })
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  call.end(Buffer.concat([prefix, message]))
  await once(call.resume(), 'close')
  session.close()
  await expect.poll(scrape).toContain(`grpc_server_handled_total{${SAY_HELLO},grpc_code="DEADLINE_EXCEEDED"} 1\n`)
})

it('knows no other paths', async () => {
  const answer = await fetch(`http://127.0.0.1:${greeter.metricsPort}/`)
  expect([answer.status, await answer.text()]).toEqual([404, 'metrics are at /metrics\n'])
})
