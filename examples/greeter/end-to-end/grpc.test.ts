import { type Client, status } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { protoPath } from 'grpc-health-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HelloReply } from '../src/messages.ts'
import { type RunningGreeter, startGreeter } from '../src/start-greeter.ts'
import {
  type Answer,
  clientOf,
  type GreeterClient,
  greeterClient,
  promised,
  read,
  sayHello,
} from '../src/testing/greeter-client.ts'
import { listServices } from '../src/testing/reflection-client.ts'
import { type ExampleGateway, startExampleGateway } from './example-gateway.ts'
import { skipped, withoutGrpcWeb } from './needs.ts'

describe.skipIf(withoutGrpcWeb.length > 0)(`gRPC clients, through the gateway${skipped(withoutGrpcWeb)}`, () => {
  let greeter: RunningGreeter
  let gateway: ExampleGateway
  let client: GreeterClient
  let port: number
  beforeAll(async () => {
    greeter = await startGreeter()
    gateway = await startExampleGateway(greeter.port)
    port = Number(new URL(gateway.url).port)
    client = greeterClient(port)
  }, 60_000)
  afterAll(async () => {
    client?.close()
    await gateway?.stop()
    greeter?.abort()
    await greeter?.stop()
  })

  it('call methods of all four kinds', async () => {
    expect(await sayHello(client, { name: 'Ada' })).toEqual({ message: 'Hello Ada' })
    expect(await read(client.SayHelloStreamReply({ name: 'Ada', count: 100 })).rest()).toHaveLength(100)
    const lots = promised<HelloReply>((answer) => {
      const call = client.LotsOfGreetings(answer)
      for (const name of ['Ada', 'Bob', 'Cleo', 'Dan']) call.write({ name })
      call.end()
    })
    expect(await lots).toEqual({ message: 'Hello Ada, Bob, Cleo and 1 more' })
    const call = client.SayHelloBidiStream()
    const replies = read(call)
    for (const name of ['Ada', 'Bob']) {
      call.write({ name })
      expect(await replies.next()).toEqual({ message: `Hello ${name}` })
    }
    call.end()
    expect(await replies.next()).toBeUndefined()
  })

  it('get status and message of an error, whatever its letters', async () => {
    await expect(sayHello(client, {})).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'the name is empty; say who is there, as “Zoë” or 「関所」',
    })
  })

  it('get DEADLINE_EXCEEDED in time', async () => {
    const late = sayHello(client, { name: 'Ada', delay_ms: 60_000 }, {}, { deadline: Date.now() + 200 })
    await expect(late).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
  })

  it('ask for health', async () => {
    type HealthClient = Client & { Check(request: object, answer: Answer<{ status: string }>): unknown }
    const health = clientOf<HealthClient>(loadSync(protoPath, { enums: String }), 'grpc.health.v1.Health', port)
    const checked = await promised<{ status: string }>((answer) =>
      health.Check({ service: 'helloworld.Greeter' }, answer),
    )
    expect(checked).toEqual({ status: 'SERVING' })
    health.close()
  })

  it.each(['v1', 'v1alpha'] as const)('list the services by reflection %s', async (version) => {
    expect(await listServices(version, port)).toContain('helloworld.Greeter')
  })
})
