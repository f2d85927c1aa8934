import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server as GrpcServer, ServerCredentials, Client, credentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

interface Copy {
  readonly line: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let server: Server
let gateway: TestGateway
let copies: Copy[] = []
/** What the mirror does with a copy; left out: it answers 500. */
let answers = true

const route = (uri: string, config: object, more: object = {}): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'proxy-mirror': config, ...more },
})

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      copies.push({ line: `${request.method} ${request.url}`, headers: request.headers, body })
      if (answers) response.writeHead(500).end('x'.repeat(100_000))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  gateway = await startGateway({
    routes: [
      route('/plain/*', { host }),
      route('/replace/*', { host, path: '/other' }),
      route('/prefix/*', { host, path: '/other', path_concat_mode: 'prefix' }),
      route(
        '/rewritten/*',
        { host },
        { 'proxy-rewrite': { uri: '/new', host: 'new.test', method: 'PUT', headers: { set: { 'x-new': '1' } } } },
      ),
      route('/rare', { host, sample_ratio: 0.00001 }),
      route('/away', { host: 'http://127.0.0.1:1' }),
      route('/answered', { host }, { mocking: { response_example: 'mock' } }),
    ],
  })
})
afterAll(async () => {
  await gateway.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})
beforeEach(() => {
  copies = []
  answers = true
})

const oneCopy = async (): Promise<Copy> => {
  await expect.poll(() => copies.length).toBe(1)
  return copies[0]
}

describe('proxy-mirror', () => {
  it('sends a copy, and the client gets the answer of the upstream', async () => {
    const headers = { 'x-a': 'b', connection: 'keep-alive, x-hop', 'x-hop': '1' }
    const answer = await gateway.fetch('/plain/a%20b?q=1', { headers, host: 'shop.test' })
    expect(answer.json()).toMatchObject({ method: 'GET', url: '/plain/a%20b?q=1' })
    const copy = await oneCopy()
    expect([copy.line, copy.headers.host, copy.headers['x-a']]).toEqual(['GET /plain/a%20b?q=1', 'shop.test', 'b'])
    expect(copy.headers).not.toHaveProperty('x-hop')
  })

  it.each([{}, { 'transfer-encoding': 'chunked' }])('copies bodies %j', async (headers) => {
    const answer = await gateway.fetch('/plain/x', { method: 'POST', body: 'a body', headers })
    expect(answer.json()).toMatchObject({ body: 'a body' })
    expect(await oneCopy()).toMatchObject({ line: 'POST /plain/x', body: 'a body', headers: { 'content-length': '6' } })
  })

  it.each([
    ['/replace/x?q=1', 'GET /other?q=1'],
    ['/prefix/x?q=1', 'GET /other/prefix/x?q=1'],
    ['/rewritten/x', 'PUT /new'],
    ['/plain//x/../y', 'GET /plain//x/../y'],
  ])('%s is copied as %s', async (path, line) => {
    await gateway.fetch(path)
    const copy = await oneCopy()
    expect(copy.line).toBe(line)
    if (path.startsWith('/rewritten')) expect(copy.headers).toMatchObject({ host: 'new.test', 'x-new': '1' })
  })

  it('copies no bodies beyond its limit, and those all go on', async () => {
    const body = 'x'.repeat(1_048_577)
    expect((await gateway.fetch('/plain/x', { method: 'POST', body })).status).toBe(200)
    expect((await gateway.fetch('/plain/y', { method: 'POST', body: body.slice(1) })).status).toBe(200)
    const copy = await oneCopy()
    expect([copy.line, copy.body.length]).toEqual(['POST /plain/y', 1_048_576])
  })

  it('does not slow requests down when the mirror hangs or is away', async () => {
    answers = false
    expect((await gateway.fetch('/plain/x')).status).toBe(200)
    await oneCopy()
    expect((await gateway.fetch('/away')).status).toBe(200)
  })

  it('copies the part that is asked for, and nothing that a plugin answered', async () => {
    for (let done = 0; done < 50; done++) await gateway.fetch('/rare')
    expect((await gateway.fetch('/answered')).body).toBe('mock')
    await gateway.fetch('/plain/last')
    await expect.poll(() => copies.at(-1)?.line).toBe('GET /plain/last')
    expect(copies.length).toBeLessThan(3)
  })

  it('copies gRPC calls to a gRPC server', async () => {
    const method = {
      path: '/a.B/C',
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: Buffer) => value,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (value: Buffer) => value,
      responseDeserialize: (bytes: Buffer) => bytes,
    } as const
    const got: string[] = []
    const serve = async (name: string): Promise<[GrpcServer, number]> => {
      const grpc = new GrpcServer()
      grpc.addService(
        { C: method },
        {
          C: (call: { request: Buffer }, done: (error: null, value: Buffer) => void) => {
            got.push(`${name} ${call.request.toString()}`)
            done(null, Buffer.from(name))
          },
        },
      )
      const port = await new Promise<number>((resolve, reject) => {
        grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
          error === null ? resolve(bound) : reject(error),
        )
      })
      return [grpc, port]
    }
    const [own, ownPort] = await serve('own')
    const [mirror, mirrorPort] = await serve('mirror')
    const grpcGateway = await startGateway({
      upstreams: [{ id: 'grpc', scheme: 'grpc', nodes: { [`127.0.0.1:${ownPort}`]: 1 } }],
      routes: [
        { uri: '/a.B/*', upstream_id: 'grpc', plugins: { 'proxy-mirror': { host: `grpc://127.0.0.1:${mirrorPort}` } } },
      ],
    })
    const client = new Client(`127.0.0.1:${grpcGateway.port}`, credentials.createInsecure())
    try {
      const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
        client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          Buffer.from('hi'),
          (error, value) => (error === null ? resolve(value) : reject(error)),
        )
      })
      expect(answer?.toString()).toBe('own')
      await expect.poll(() => got.toSorted()).toEqual(['mirror hi', 'own hi'])
    } finally {
      client.close()
      await grpcGateway.close()
      own.forceShutdown()
      mirror.forceShutdown()
    }
  })

  it.each([
    [{}, 'host'],
    [{ host: 'shop.test' }, 'host'],
    [{ host: 'http://shop.test/path' }, 'host'],
    [{ host: 'http://shop.test:99999' }, 'host'],
    [{ host: 'http://shop.test', path: '/a?b' }, 'path'],
    [{ host: 'http://shop.test', path_concat_mode: 'append' }, 'path_concat_mode'],
    [{ host: 'http://shop.test', sample_ratio: 0 }, 'sample_ratio'],
  ])('refuses %j', async (config, message) => {
    await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(message)
  })
})
