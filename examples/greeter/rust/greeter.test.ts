import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Client, type ClientReadableStream, status } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { protoPath } from 'grpc-health-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startExampleGateway } from '../end-to-end/example-gateway.ts'
import { expectFourKinds } from '../src/testing/four-kinds.ts'
import { clientOf, type GreeterClient, greeterClient, read, sayHello } from '../src/testing/greeter-client.ts'
import { listServices } from '../src/testing/reflection-client.ts'

/** A build from nothing takes minutes, and packages from the network: who wants it says so. */
const asked = process.env['TEST_RUST'] === '1'
const cargo = asked && spawnSync('cargo', ['--version']).status === 0
const why = !asked ? ' (skipped without TEST_RUST=1)' : cargo ? '' : ' (skipped without cargo)'
const BUILD_LIMIT_MS = 900_000

describe.skipIf(why !== '')(`the Greeter in Rust${why}`, () => {
  const target = process.env['CARGO_TARGET_DIR'] ?? join(tmpdir(), 'sekisho-greeter-rust')
  let child: ReturnType<typeof spawn>
  let client: GreeterClient
  let port: number
  beforeAll(async () => {
    const manifest = fileURLToPath(new URL('Cargo.toml', import.meta.url))
    const build = spawn('cargo', ['build', '--locked', '--manifest-path', manifest, '--target-dir', target], {
      stdio: 'inherit',
    })
    expect(await once(build, 'exit')).toEqual([0, null])
    child = spawn(join(target, 'debug', 'greeter'), {
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface(child.stdout!), 'line')) as [string]
    port = Number(/:(\d+)$/.exec((JSON.parse(line) as { address: string }).address)?.[1])
    client = greeterClient(port)
  }, BUILD_LIMIT_MS)
  afterAll(() => {
    client?.close()
    child?.kill('SIGKILL')
  })

  it('answers methods of all four kinds', async () => {
    await expectFourKinds(client)
  })

  it('is the same through the gateway: calls, streams, errors, reflection', async () => {
    const gateway = await startExampleGateway(port)
    const through = Number(new URL(gateway.url).port)
    const caller = greeterClient(through)
    try {
      expect(await sayHello(caller, { name: 'Ada' })).toEqual({ message: 'Hello Ada' })
      expect(await read(caller.SayHelloStreamReply({ name: 'Ada', count: 100 })).rest()).toHaveLength(100)
      await expect(sayHello(caller, {})).rejects.toMatchObject({ code: status.INVALID_ARGUMENT })
      expect(await listServices('v1', through)).toContain('helloworld.Greeter')
    } finally {
      caller.close()
      await gateway.stop()
    }
  }, 60_000)

  it.each([
    ['an empty name', {}, 'the name is empty; say who is there, as “Zoë” or 「関所」'],
    ['a long delay', { name: 'a', delay_ms: 60_001 }, 'delay_ms is 60000 at most, not 60001'],
    ['many replies', { name: 'a', count: 1001 }, 'count is 1000 at most, not 1001'],
  ])('refuses %s as the other Greeter does', async (_what, request, details) => {
    await expect(sayHello(client, request)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT, details })
  })

  it.each(['v1', 'v1alpha'] as const)('lists its services by reflection %s', async (version) => {
    expect(await listServices(version, port)).toContain('helloworld.Greeter')
  })

  it('on SIGTERM tells who watches its health, finishes calls in flight, and ends', async () => {
    type HealthClient = Client & { Watch(request: object): ClientReadableStream<{ status: string }> }
    const health = clientOf<HealthClient>(loadSync(protoPath, { enums: String }), 'grpc.health.v1.Health', port)
    const watch = read(health.Watch({ service: 'helloworld.Greeter' }))
    expect(await watch.next()).toEqual({ status: 'SERVING' })
    const replies = read(client.SayHelloStreamReply({ name: 'Ada', count: 3, delay_ms: 50 }))
    await replies.next()
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await watch.next()).toEqual({ status: 'NOT_SERVING' })
    expect(await watch.next()).toBeUndefined()
    expect(await replies.rest()).toHaveLength(2)
    expect(await exited).toEqual([0, null])
    health.close()
  })
})
