import { afterEach, describe, expect, test } from 'vitest'
import {
  message,
  NGHTTP2_CANCEL,
  NGHTTP2_INTERNAL_ERROR,
  RawGrpcClient,
  RawService,
  type ReceivedCall,
} from '../grpc/testing/raw-service.ts'
import { startProxyTo } from './testing/proxy-harness.ts'
import { eventually, releaseAll } from './testing/resources.ts'
import { peer } from '../peers/peer.ts'

afterEach(releaseAll)

async function to(answer?: (call: ReceivedCall) => void) {
  const service = await RawService.start(answer)
  const proxy = await startProxyTo('', { upstreamPeer: () => peer(service.address, { protocol: 'h2' }) })
  return { service, proxy, client: new RawGrpcClient(proxy.port) }
}

const BODY = message('hello')
const begin = ({ stream }: ReceivedCall): void => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
  stream.write(message('one'))
}

describe('the client gives up', () => {
  test.each([
    ['before the response', undefined],
    ['within it', begin],
  ])('%s: the upstream is told, and others on the connection go on', async (_, answer) => {
    const { service, proxy, client } = await to(answer)
    const other = client.call({}, BODY)
    const call = client.call()
    call.stream.write(message('x'))
    const received = await service.call(2)
    if (answer !== undefined) await call.head
    call.stream.close(NGHTTP2_CANCEL)
    expect(await received.closed).toBe(NGHTTP2_CANCEL)
    expect((await proxy.end()).error?.code).toBe('CLIENT_GONE')
    const first = service.calls[0]
    if (answer === undefined) begin(first)
    first.stream.end()
    expect((await other.outcome).body.equals(message('one'))).toBe(true)
  })

  test('its connection is lost: every call of it is given up', async () => {
    const { service, client } = await to()
    client.call({}, BODY)
    client.call({}, BODY)
    await service.call(2)
    client.session.destroy()
    expect(await Promise.all(service.calls.map(({ closed }) => closed))).toEqual([NGHTTP2_CANCEL, NGHTTP2_CANCEL])
  })
})

describe('the upstream gives up', () => {
  // close() would end the stream first.
  const reset = ({ stream }: ReceivedCall): void => void stream.destroy(new Error('broken'))

  test('before its head: UNAVAILABLE in a head', async () => {
    const { proxy, client } = await to(reset)
    expect((await client.call({}, BODY).outcome).headers).toMatchObject({
      ':status': 200,
      'grpc-status': '14',
      'grpc-message': 'Bad Gateway (STREAM_RESET)',
    })
    expect((await proxy.end()).session.grpcStatus).toBe(14)
  })

  test('behind its head: UNAVAILABLE in trailers, behind what has left', async () => {
    const { service, proxy, client } = await to(begin)
    const call = client.call({}, BODY)
    await call.head
    reset(await service.call())
    const { body, trailers, rstCode } = await call.outcome
    expect(body.equals(message('one'))).toBe(true)
    expect([trailers?.['grpc-status'], trailers?.['grpc-message'], rstCode]).toEqual([
      '14',
      'Bad Gateway (STREAM_RESET)',
      0,
    ])
    expect((await proxy.end()).session.grpcStatus).toBe(14)
  })

  test('while the client still sends: the same, and the rest of the request is not wanted', async () => {
    const { service, client } = await to(begin)
    const call = client.call()
    call.stream.write(message('x'))
    await call.head
    reset(await service.call())
    expect((await call.outcome).trailers?.['grpc-status']).toBe('14')
  })

  test('its connection is lost: the same for every call', async () => {
    const { service, client } = await to((call) => (call.headers['x-begin'] === undefined ? undefined : begin(call)))
    const waiting = client.call({}, BODY)
    const begun = client.call({ 'x-begin': '1' }, BODY)
    await begun.head
    await service.call(2)
    service.calls[0].session.destroy()
    expect((await waiting.outcome).headers['grpc-status']).toBe('14')
    expect((await begun.outcome).trailers?.['grpc-status']).toBe('14')
  })

  test('a call that is not gRPC is reset', async () => {
    const { service, client } = await to(begin)
    const call = client.call({ 'content-type': 'application/json' }, BODY)
    await call.head
    reset(await service.call())
    const { trailers, rstCode } = await call.outcome
    expect([trailers, rstCode]).toEqual([undefined, NGHTTP2_INTERNAL_ERROR])
  })

  test('what is left of a slow client waits behind what it has not taken', async () => {
    const { service, client } = await to(({ stream }) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.write(message(Buffer.alloc(200_000)))
    })
    const call = client.call({}, BODY)
    call.stream.pause()
    await call.head
    const received = await service.call()
    await eventually('the upstream has sent all it may', () => received.stream.writableLength < 200_000)
    reset(received)
    call.stream.resume()
    expect((await call.outcome).trailers?.['grpc-status']).toBe('14')
  })
})
