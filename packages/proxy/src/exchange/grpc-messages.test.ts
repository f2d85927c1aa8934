import { afterEach, describe, expect, test } from 'vitest'
import {
  answerWith,
  message,
  NGHTTP2_CANCEL,
  RawGrpcClient,
  RawService,
  type ReceivedCall,
} from '../grpc/testing/raw-service.ts'
import { peer } from '../peers/peer.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import type { MessageLimits } from './message-limits.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

async function limited(
  limits: MessageLimits,
  answer?: (call: ReceivedCall) => void,
  phases: Partial<ProxyPhases<undefined>> = {},
) {
  const service = await RawService.start(answer)
  const proxy = await startProxy<undefined>({
    earlyRequestFilter: (session) => session.limitMessages(limits),
    upstreamPeer: () => peer(service.address, { protocol: 'h2' }),
    ...phases,
  })
  return { service, proxy, client: new RawGrpcClient(proxy.port) }
}

const fields = { 'content-type': 'application/grpc' }

describe('requests', () => {
  test('messages up to the limit pass, however many', async () => {
    const { client } = await limited({ maxRequestBytes: 100 }, (call) => {
      call.stream.on('end', () => answerWith(call, [])).resume()
    })
    const body = Buffer.concat(Array.from({ length: 1_000 }, (_, at) => message(Buffer.alloc(at % 101))))
    expect((await client.call({}, body).outcome).trailers?.['grpc-status']).toBe('0')
  })

  test('a longer one: RESOURCE_EXHAUSTED by its prefix alone, and none of it goes up', async () => {
    const { service, proxy, client } = await limited({ maxRequestBytes: 100 })
    const call = client.call()
    call.stream.write(message('short'))
    const received = await service.call()
    await eventually('the short one is there', () => received.received.length > 0)
    call.stream.write(Buffer.from([0, 0, 0, 0, 101]))
    expect((await call.outcome).headers).toMatchObject({
      'grpc-status': '8',
      'grpc-message': 'a message of the request has 101 bytes, the limit is 100',
    })
    expect(await received.closed).toBe(NGHTTP2_CANCEL)
    expect(Buffer.concat(received.received).equals(message('short'))).toBe(true)
    expect((await proxy.end()).error?.source).toBe('downstream')
  })

  test('in trailers when the response has begun', async () => {
    const { client } = await limited({ maxRequestBytes: 100 }, ({ stream }) => stream.respond({ ...fields }))
    const call = client.call()
    call.stream.write(message('short'))
    await call.head
    call.stream.write(message(Buffer.alloc(200)))
    expect((await call.outcome).trailers?.['grpc-status']).toBe('8')
  })

  test('a body that a phase has read whole is checked, too', async () => {
    const { client, service } = await limited({ maxRequestBytes: 100 }, undefined, {
      requestFilter: async (session) => void (await session.readBody(1_000)),
    })
    expect((await client.call({}, message(Buffer.alloc(101))).outcome).headers['grpc-status']).toBe('8')
    expect((await service.call()).received).toEqual([])
  })

  test('what is not gRPC is not counted', async () => {
    const { client } = await limited({ maxRequestBytes: 1, maxResponseBytes: 1 }, ({ stream }) => {
      stream.respond({ ':status': 200, 'content-type': 'text/plain' })
      stream.end('hello world')
    })
    const { body } = await client.call({ 'content-type': 'text/plain' }, Buffer.from('hello world')).outcome
    expect(body.toString()).toBe('hello world')
  })
})

describe('responses', () => {
  test('a longer message: RESOURCE_EXHAUSTED behind those that have left, and the upstream is told to stop', async () => {
    const { service, client } = await limited({ maxResponseBytes: 100 }, ({ stream }) => {
      stream.respond({ ...fields })
      stream.write(message('one'))
    })
    const call = client.call({}, message('hello'))
    await call.head
    const received = await service.call()
    received.stream.write(message(Buffer.alloc(101)))
    const { trailers, body } = await call.outcome
    expect(body.equals(message('one'))).toBe(true)
    expect(trailers).toMatchObject({
      'grpc-status': '8',
      'grpc-message': 'a message of the response has 101 bytes, the limit is 100',
    })
    expect(await received.closed).toBe(NGHTTP2_CANCEL)
  })

  test('an error page of the upstream is no message', async () => {
    const { client } = await limited({ maxResponseBytes: 5 }, ({ stream }) => {
      stream.respond({ ':status': 502, 'content-type': 'text/html' })
      stream.end('<html>of some other proxy</html>')
    })
    const { headers, body } = await client.call({}, message('hello')).outcome
    expect([headers[':status'], body.toString()]).toEqual([502, '<html>of some other proxy</html>'])
  })
})
