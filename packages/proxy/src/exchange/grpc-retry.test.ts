import { afterEach, describe, expect, test } from 'vitest'
import { LoadBalancer } from '../balancing/index.ts'
import {
  answerWith,
  message,
  NGHTTP2_REFUSED_STREAM,
  RawGrpcClient,
  RawService,
  trailersOnly,
  type ReceivedCall,
} from '../grpc/testing/raw-service.ts'
import { peer } from '../peers/peer.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const UNAVAILABLE = new Set([14])

type Answer = (call: ReceivedCall) => void

/** A proxy to two services in turn, the first one first. */
async function between(first: Answer, second: Answer, phases: Partial<ProxyPhases<undefined>> = {}) {
  const services = [await RawService.start(first), await RawService.start(second)]
  const nodes = LoadBalancer.roundRobin(services.map(({ address }) => address))
  const proxy = await startProxy<undefined>({
    requestFilter: (session) => session.retryOnStatus(UNAVAILABLE),
    upstreamPeer: (session) => peer(nodes.select('', session.tried), { protocol: 'h2' }),
    ...phases,
  })
  return { services, proxy, client: new RawGrpcClient(proxy.port) }
}

const ok: Answer = (call) => answerWith(call, [message('fine')])
const BODY = message('hello')

describe('retry by status', () => {
  test('a status and nothing else: another node is asked, with the whole request', async () => {
    const { services, proxy, client } = await between((call) => trailersOnly(call, 14, 'busy'), ok)
    const { trailers, body } = await client.call({}, BODY).outcome
    expect([trailers?.['grpc-status'], body.equals(message('fine'))]).toEqual(['0', true])
    expect(Buffer.concat(services[1].calls[0].received).equals(BODY)).toBe(true)
    const { session, error } = await proxy.end()
    expect([session.attempts, session.grpcStatus, error]).toEqual([2, 0, undefined])
    expect(proxy.messages('warn')[0]).toMatch(/answered grpc-status 14$/)
  })

  test('a status that is not in the list leaves', async () => {
    const { services, client } = await between((call) => trailersOnly(call, 5, 'no such thing'), ok)
    expect((await client.call({}, BODY).outcome).headers).toMatchObject({
      'grpc-status': '5',
      'grpc-message': 'no such thing',
    })
    expect(services[1].calls).toEqual([])
  })

  test('a status behind a head has come too late', async () => {
    const { services, client } = await between((call) => answerWith(call, [], 14), ok)
    expect((await client.call({}, BODY).outcome).trailers?.['grpc-status']).toBe('14')
    expect(services[1].calls).toEqual([])
  })

  test('nobody is left to ask: the client gets what the last one said', async () => {
    const { proxy, client } = await between(
      (call) => trailersOnly(call, 14, 'busy'),
      (call) => trailersOnly(call, 14, 'busy too'),
    )
    const { headers } = await client.call({}, BODY).outcome
    expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '14', 'grpc-message': 'busy too' })
    const { session, error } = await proxy.end()
    expect([session.attempts, session.responseSource, error]).toEqual([3, 'upstream', undefined])
  })

  test('a callback may forbid it: the client gets the status', async () => {
    const { services, client } = await between((call) => trailersOnly(call, 14, 'busy'), ok, {
      errorWhileProxy: (_session, _peer, error) => void (error.retry = false),
    })
    expect((await client.call({}, BODY).outcome).headers['grpc-message']).toBe('busy')
    expect(services[1].calls).toEqual([])
  })

  test('more was sent than is remembered: the client gets the status', async () => {
    const size = 100_000
    const { services, client } = await between((call) => {
      let bytes = 0
      call.stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes === size + 5) trailersOnly(call, 14, 'busy')
      })
    }, ok)
    expect((await client.call({}, message(Buffer.alloc(size))).outcome).headers['grpc-status']).toBe('14')
    expect(services[1].calls).toEqual([])
  })

  test('a stream of requests that is under way goes on at the other node, from its start', async () => {
    const { services, client } = await between(
      (call) => call.stream.once('data', () => trailersOnly(call, 14)),
      () => undefined,
    )
    const call = client.call()
    call.stream.write(message('one'))
    await eventually('the second is asked', () => services[1].calls.length === 1)
    call.stream.end(message('two'))
    const received = services[1].calls[0]
    await eventually('it has both', () => Buffer.concat(received.received).length === 16)
    expect(Buffer.concat(received.received).equals(Buffer.concat([message('one'), message('two')]))).toBe(true)
    ok(received)
    expect((await call.outcome).trailers?.['grpc-status']).toBe('0')
  })
})

describe('calls that an upstream did not look at', () => {
  const refuse: Answer = ({ stream }) => stream.close(NGHTTP2_REFUSED_STREAM)

  test('REFUSED_STREAM: another node is asked, though it is a POST', async () => {
    const { services, client } = await between(refuse, ok)
    expect((await client.call({}, BODY).outcome).trailers?.['grpc-status']).toBe('0')
    expect(Buffer.concat(services[1].calls[0].received).equals(BODY)).toBe(true)
  })

  test('within a stream of requests, while what was sent is remembered', async () => {
    const { services, client } = await between((call) => call.stream.once('data', () => refuse(call)), ok)
    const call = client.call()
    call.stream.write(message('one'))
    await eventually('the second is asked', () => services[1].calls.length === 1)
    call.stream.end(message('two'))
    expect((await call.outcome).trailers?.['grpc-status']).toBe('0')
  })

  test('not when it is no more: UNAVAILABLE', async () => {
    const { services, client } = await between((call) => {
      let bytes = 0
      call.stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > 80_000) refuse(call)
      })
    }, ok)
    const call = client.call()
    call.stream.write(message(Buffer.alloc(90_000)))
    expect((await call.outcome).headers['grpc-status']).toBe('14')
    expect(services[1].calls).toEqual([])
  })

  test('GOAWAY with an earlier last stream: the same', async () => {
    let second = false
    const { services, client } = await between(({ session, stream }) => {
      if (!second) {
        second = true
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
        return
      }
      session.goaway(0, 1)
    }, ok)
    const open = client.call({}, BODY)
    await open.head
    // Round robin: this one is for the other node, the third for the first again.
    expect((await client.call({}, BODY).outcome).trailers?.['grpc-status']).toBe('0')
    expect((await client.call({}, BODY).outcome).trailers?.['grpc-status']).toBe('0')
    expect([services[0].calls.length, services[1].calls.length]).toEqual([2, 2])
    services[0].calls[0].stream.end()
    expect((await open.outcome).rstCode).toBe(0)
  })
})
