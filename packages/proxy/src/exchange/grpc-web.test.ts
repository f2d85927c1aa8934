import { afterEach, describe, expect, test } from 'vitest'
import { message, RawGrpcClient, RawService } from '../grpc/testing/raw-service.ts'
import { peer } from '../peers/peer.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const WEB = { 'content-type': 'application/grpc-web-text+proto; charset=utf-8', te: undefined }

/** A call whose upstream is lost behind the first message, with a body filter that is up to the test. */
async function broken(filter?: ProxyPhases<undefined>['responseBodyFilter'], head: object = {}) {
  const service = await RawService.start(({ stream }) => {
    stream.respond({ 'content-type': 'application/grpc-web', ...head })
    stream.write(message('one'))
  })
  const proxy = await startProxy<undefined>({
    upstreamPeer: () => peer(service.address, { protocol: 'h2' }),
    ...(filter === undefined ? {} : { responseBodyFilter: filter }),
  })
  const call = new RawGrpcClient(proxy.port).call(WEB, message(''))
  let seen = 0
  call.stream.on('data', (chunk: Buffer) => (seen += chunk.length))
  await eventually('the message is there', () => seen === 8)
  service.calls[0].session.destroy()
  return { ...(await call.outcome), error: (await proxy.end()).error }
}

describe('a gRPC-Web call that breaks off', () => {
  test('ends well where a body filter takes the trailers over', async () => {
    const { body, trailers, rstCode, error } = await broken((session, _chunk, end) => {
      if (!end) return undefined
      const lines = session.trailers?.block ?? ''
      for (const [name] of [...(session.trailers ?? [])]) session.trailers?.delete(name)
      return Buffer.from(lines)
    })
    expect(body.subarray(8).toString()).toMatch(/^grpc-status: 14\r\ngrpc-message: Bad Gateway \(\w+\)\r\n$/)
    expect([trailers, rstCode, error?.source]).toEqual([undefined, 0, 'upstream'])
  })

  test.each<[string, ProxyPhases<undefined>['responseBodyFilter'], object]>([
    ['there is no filter', undefined, {}],
    ['no filter takes them', () => undefined, {}],
    [
      'the filter fails',
      (_session, _chunk, end) => {
        if (end) throw new Error('not this time')
      },
      {},
    ],
  ])('is cut where %s', async (_, filter, head) => {
    const { body, rstCode } = await broken(filter, head)
    expect(body).toHaveLength(8)
    expect(rstCode).not.toBe(0)
  })
})

describe('a local answer to a gRPC-Web call', () => {
  const answered = async (status: number, headers: Record<string, string> = {}) => {
    const proxy = await startProxy<undefined>({
      upstreamPeer: () => peer('127.0.0.1:1'),
      requestFilter: (session) => session.respond(status, 'words', headers),
    })
    return (await new RawGrpcClient(proxy.port).call(WEB, message('')).outcome).headers
  }

  test('has a status, and the content type of the call', async () => {
    expect(await answered(403, { 'x-more': '1' })).toMatchObject({
      ':status': 200,
      'content-type': 'application/grpc-web-text+proto',
      'grpc-status': '7',
      'grpc-message': 'words',
      'x-more': '1',
    })
  })

  test('stays a redirection, which browsers follow', async () => {
    expect(await answered(308, { location: '/there' })).toMatchObject({ ':status': 308, location: '/there' })
  })
})
