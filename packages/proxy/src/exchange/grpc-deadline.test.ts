import { afterEach, describe, expect, test, vi } from 'vitest'
import { answerWith, message, NGHTTP2_CANCEL, RawGrpcClient, RawService } from '../grpc/testing/raw-service.ts'
import { peer } from '../peers/peer.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import { deadAddress } from './testing/dead-address.ts'
import { startProxy, type ProxyUnderTest } from './testing/proxy-harness.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(async () => {
  vi.restoreAllMocks()
  await releaseAll()
})

interface Timed {
  readonly service: RawService
  readonly clock: FakeClock
  readonly proxy: ProxyUnderTest<undefined>
  readonly client: RawGrpcClient
}

async function timed(
  answer?: Parameters<typeof RawService.start>[0],
  phases: Partial<ProxyPhases<undefined>> = {},
): Promise<Timed> {
  const service = await RawService.start(answer)
  const clock = new FakeClock()
  const proxy = await startProxy(
    { upstreamPeer: () => peer(service.address, { protocol: 'h2' }), ...phases },
    { deadlines: clock.deadlines },
  )
  return { service, clock, proxy, client: new RawGrpcClient(proxy.port) }
}

const BODY = message('hello')

describe('grpc-timeout', () => {
  test('passes before the response: DEADLINE_EXCEEDED, and the upstream is told to stop', async () => {
    const { service, clock, proxy, client } = await timed()
    const call = client.call({ 'grpc-timeout': '300m' }, BODY)
    const received = await service.call()
    clock.pass(299)
    expect(proxy.ends).toEqual([])
    clock.pass(1)
    const { headers, trailers, body } = await call.outcome
    expect(headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '4' })
    expect(headers['grpc-message']).toBe('the request was not answered within its time limit')
    expect([trailers, body.length]).toEqual([undefined, 0])
    expect(await received.closed).toBe(NGHTTP2_CANCEL)
    expect((await proxy.end()).session.grpcStatus).toBe(4)
  })

  test('passes within the response: in trailers, behind what has left', async () => {
    const { service, clock, proxy, client } = await timed(({ stream }) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.write(message('one'))
    })
    const call = client.call({ 'grpc-timeout': '5S' }, BODY)
    await call.head
    clock.pass(5_000)
    const { headers, trailers, body, rstCode } = await call.outcome
    expect([headers['grpc-status'], trailers?.['grpc-status'], rstCode]).toEqual([undefined, '4', 0])
    expect(body.equals(message('one'))).toBe(true)
    expect(await (await service.call()).closed).toBe(NGHTTP2_CANCEL)
    expect((await proxy.end()).session.grpcStatus).toBe(4)
  })

  test('passes while a length was promised: a reset, as the promise cannot be kept', async () => {
    const { clock, client } = await timed(({ stream }) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'content-length': '20' })
      stream.write(message('one'))
    })
    const call = client.call({ 'grpc-timeout': '5S' }, BODY)
    await call.head
    clock.pass(5_000)
    expect((await call.outcome).rstCode).not.toBe(0)
  })

  test('passes while a phase is asked: no upstream hears of the call', async () => {
    let answered = (): void => undefined
    const asked = new Promise<void>((resolve) => (answered = resolve))
    const { service, clock, client } = await timed(undefined, { requestFilter: () => asked })
    const call = client.call({ 'grpc-timeout': '1S' }, BODY)
    await eventually('the call is there', () => clock.deadlines.size > 1)
    clock.pass(1_000)
    expect((await call.outcome).headers['grpc-status']).toBe('4')
    answered()
    expect(service.calls).toEqual([])
  })

  test('is kept: nothing happens when the answer is in time', async () => {
    const { clock, proxy, client } = await timed((call) => answerWith(call, [message('x')]))
    const { trailers } = await client.call({ 'grpc-timeout': '1S' }, BODY).outcome
    expect(trailers?.['grpc-status']).toBe('0')
    clock.pass(10_000)
    expect(await proxy.end()).toMatchObject({ error: undefined, session: { grpcStatus: 0 } })
  })

  test.each(['', '1', '1s', '-1S', '123456789S', '1.5S', '1S 2S'])('malformed %j: INTERNAL', async (text) => {
    const { service, client } = await timed()
    const { headers } = await client.call({ 'grpc-timeout': text }, BODY).outcome
    expect(headers).toMatchObject({
      'grpc-status': '13',
      'grpc-message': 'grpc-timeout is not 1 to 8 digits and one of H, M, S, m, u, n',
    })
    expect(service.calls).toEqual([])
  })

  test('none left when it would be sent: over at once', async () => {
    const { service, client } = await timed()
    expect((await client.call({ 'grpc-timeout': '0m' }, BODY).outcome).headers['grpc-status']).toBe('4')
    expect(service.calls).toEqual([])
  })
})

describe('counting down', () => {
  test('time in the gateway and in earlier attempts is taken off', async () => {
    let now = Math.floor(performance.now())
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    const dead = await deadAddress()
    const addresses = [dead]
    const { proxy, client, service } = await timed((call) => answerWith(call, []), {
      requestFilter: () => void (now += 30),
      upstreamPeer: () => peer(addresses.shift() ?? service.address, { protocol: 'h2' }),
      failToConnect: () => void (now += 70),
    })
    await client.call({ 'grpc-timeout': '1S' }, BODY).outcome
    expect((await service.call()).headers['grpc-timeout']).toBe('900000u')
    expect((await proxy.end()).session.attempts).toBe(2)
  })

  test('a smaller limit of ours is what the upstream is told', async () => {
    const now = Math.floor(performance.now())
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    const { client, service } = await timed((call) => answerWith(call, []), {
      requestFilter: (session) => session.limitTime(250),
    })
    await client.call({ 'grpc-timeout': '1H' }, BODY).outcome
    expect((await service.call()).headers['grpc-timeout']).toBe('250000u')
  })
})

describe('quiet calls', () => {
  test('an upstream that sends its head late is waited for', async () => {
    const { service, clock, client } = await timed()
    const call = client.call({}, BODY)
    const received = await service.call()
    clock.pass(3_600_000)
    clock.pass(3_600_000)
    answerWith(received, [message('at last')])
    expect((await call.outcome).trailers?.['grpc-status']).toBe('0')
  })

  test('a client that sends its messages late is waited for', async () => {
    const { service, clock, client } = await timed()
    const call = client.call()
    call.stream.write(message('one'))
    const received = await service.call()
    await eventually('the message is there', () => received.received.length > 0)
    clock.pass(3_600_000)
    call.stream.end(message('two'))
    await eventually('both are', () => Buffer.concat(received.received).length === 16)
    answerWith(received, [])
    expect((await call.outcome).trailers?.['grpc-status']).toBe('0')
  })

  test('a limit that is written holds until the head: UNAVAILABLE', async () => {
    const { service, clock, client } = await timed(undefined, {
      upstreamPeer: () => peer(service.address, { protocol: 'h2', readTimeoutMs: 2_000, quietTimeoutMs: 2_000 }),
    })
    const call = client.call({}, BODY)
    const received = await service.call()
    clock.pass(2_000)
    expect((await call.outcome).headers).toMatchObject({
      'grpc-status': '14',
      'grpc-message': 'Gateway Timeout (READ_TIMEOUT)',
    })
    expect(await received.closed).toBe(NGHTTP2_CANCEL)
  })

  test('and between messages', async () => {
    const { service, clock, client } = await timed(
      ({ stream }) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
        stream.write(message('one'))
      },
      { upstreamPeer: () => peer(service.address, { protocol: 'h2', quietTimeoutMs: 2_000 }) },
    )
    const call = client.call({}, BODY)
    await call.head
    clock.pass(2_000)
    expect((await call.outcome).trailers?.['grpc-status']).toBe('14')
  })

  test('what is not gRPC keeps its read timeout', async () => {
    const { service, clock, client } = await timed(undefined)
    const call = client.call({ 'content-type': 'application/json' }, BODY)
    await service.call()
    clock.pass(60_000)
    expect((await call.outcome).headers[':status']).toBe(504)
  })

  test('a body that a plugin reads whole keeps its limit', async () => {
    const { clock, client } = await timed(undefined, {
      requestFilter: async (session) => void (await session.readBody(1_000)),
    })
    const call = client.call()
    call.stream.write(message('one'))
    await eventually('the call is there', () => clock.deadlines.size > 0)
    const passing = setInterval(() => clock.pass(10_000), 1)
    const { headers } = await call.outcome
    clearInterval(passing)
    expect(headers['grpc-status']).toBe('2')
  })
})
