import { type Client, status } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { protoPath } from 'grpc-health-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGreeter, startGreeter } from '../src/start-greeter.ts'
import { expectFourKinds } from '../src/testing/four-kinds.ts'
import {
  type Answer,
  clientOf,
  type GreeterClient,
  greeterClient,
  promised,
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
    await expectFourKinds(client)
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
