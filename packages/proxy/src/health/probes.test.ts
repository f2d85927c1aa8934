import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createH2, type ServerHttp2Stream } from 'node:http2'
import { createServer as createHttps } from 'node:https'
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net'
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import { afterEach, describe, expect, it } from 'vitest'
import { AUTHORITY, SERVER_CERTIFICATE, SERVER_KEY } from '../exchange/testing/certificates.ts'
import { grpcProbe } from './grpc-probe.ts'
import { httpProbe, type HttpProbeOptions } from './http-probe.ts'
import { Resolver, type Lookup } from '../peers/resolver.ts'
import type { Probe, ProbeAddress, ProbeResult } from './probe.ts'
import { resolvedProbe } from './resolved-probe.ts'
import { tcpProbe } from './tcp-probe.ts'

/** Long enough for a busy machine, where an answer is expected. */
const LONG = 10_000
/** Where none will come. */
const SHORT = 60

const HEALTH_PROTO = `syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}`

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** Listens on a port of its own; connections end with the test. */
async function listening(server: Server): Promise<ProbeAddress> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

const http = (answer: RequestListener): Promise<ProbeAddress> => listening(createHttp(answer))
/** A server that does what it likes with what comes. */
const raw = (onConnection: (socket: Socket) => void): Promise<ProbeAddress> => listening(createTcp(onConnection))

/** An address at which nobody listens any more. */
async function refusing(): Promise<ProbeAddress> {
  const server = createTcp()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return { host: '127.0.0.1', port }
}

describe('tcp', () => {
  it('is content with a connection', async () => {
    expect(await tcpProbe(await raw(() => undefined), LONG)).toEqual({ outcome: 'success', evidence: 'connected' })
  })

  it('tells who refuses, and who has no such address', async () => {
    expect(await tcpProbe(await refusing(), LONG)).toMatchObject({ outcome: 'tcp_failure', evidence: /ECONNREFUSED/ })
    expect(await tcpProbe({ host: '/nowhere.sock', port: 0 }, LONG)).toMatchObject({ outcome: 'tcp_failure' })
    expect(await tcpProbe({ host: '127.0.0.1', port: 70_000 }, LONG)).toMatchObject({ outcome: 'tcp_failure' })
  })
})

describe('names', () => {
  const seen: ProbeAddress[] = []
  const probe: Probe = (address) => {
    seen.push(address)
    return Promise.resolve({ outcome: 'success', evidence: '' })
  }
  const resolver = (lookup: Lookup): Resolver => new Resolver(lookup)

  it('become addresses, asked for once; the node keeps its name', async () => {
    let asked = 0
    const names = resolver(() => {
      asked++
      return Promise.resolve({ addresses: ['10.1.2.3'], ttlMs: 60_000 })
    })
    const named = resolvedProbe(probe, names)
    await Promise.all([1, 2, 3].map(() => named({ host: 'app.example', port: 80 }, LONG)))
    await named({ host: '::1', port: 80 }, LONG)
    await named({ host: '/run/app.sock', port: 0 }, LONG)
    expect(asked).toBe(1)
    expect(seen.slice(2)).toEqual([
      { host: '10.1.2.3', port: 80, name: 'app.example' },
      { host: '::1', port: 80, name: '::1' },
      { host: '/run/app.sock', port: 0, name: '/run/app.sock' },
    ])
    const address = await http((request, response) =>
      response.writeHead(request.headers.host?.startsWith('app.') ? 200 : 500).end(),
    )
    const local = resolver(() => Promise.resolve({ addresses: ['127.0.0.1'], ttlMs: 60_000 }))
    expect(await resolvedProbe(httpProbe(), local)({ host: 'app.example', port: address.port }, LONG)).toMatchObject({
      outcome: 'success',
    })
  })

  it('that cannot be resolved, or not in time, are failures; and nothing piles up', async () => {
    const none = resolver(() => Promise.reject(new Error('ENOTFOUND')))
    expect(await resolvedProbe(probe, none)({ host: 'app.example', port: 80 }, LONG)).toEqual({
      outcome: 'tcp_failure',
      evidence: 'cannot resolve app.example: ENOTFOUND',
    })
    let asked = 0
    const silent = resolver(() => {
      asked++
      return new Promise(() => undefined)
    })
    for (let round = 0; round < 3; round++)
      expect(await resolvedProbe(probe, silent)({ host: 'app.example', port: 80 }, 5)).toMatchObject({
        outcome: 'timeout_failure',
      })
    expect(asked).toBe(1)
  })
})

describe('http', () => {
  const ask = async (answer: RequestListener, options?: HttpProbeOptions, ms = LONG): Promise<ProbeResult> =>
    httpProbe(options)(await http(answer), ms)

  it.each([
    [200, 'success'],
    [302, 'success'],
    [404, 'http_failure'],
    [429, 'http_failure'],
    [503, 'http_failure'],
    [204, 'ignored'],
    [418, 'ignored'],
  ] as const)('status %i: %s', async (status, outcome) => {
    expect(await ask((_, response) => response.writeHead(status).end())).toEqual({
      outcome,
      evidence: `status ${status}`,
    })
  })

  it('goes by the statuses it was given', async () => {
    const options = { healthyStatuses: new Set([503]), unhealthyStatuses: new Set([200]) }
    expect(await ask((_, response) => response.writeHead(503).end(), options)).toMatchObject({ outcome: 'success' })
    expect(await ask((_, response) => response.writeHead(200).end(), options)).toMatchObject({
      outcome: 'http_failure',
    })
  })

  it('sends what it was told to', async () => {
    let seen: object | undefined
    let body = ''
    const options = {
      method: 'POST',
      path: '/health?deep=1',
      host: 'app.example',
      headers: ['User-Agent', 'checker', 'X-Token', 'a', 'X-Token', 'b'],
      body: 'ping é',
    }
    await ask((request, response) => {
      const { method, url, rawHeaders } = request
      seen = { method, url, rawHeaders }
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => response.end())
    }, options)
    expect(body).toBe('ping é')
    expect(seen).toMatchObject({ method: 'POST', url: '/health?deep=1' })
    const { rawHeaders } = seen as { rawHeaders: string[] }
    expect(rawHeaders.slice(0, 8)).toEqual(['Host', 'app.example', ...options.headers])
    expect(rawHeaders).toContain('7')
  })

  it('names the address as the host where none was given', async () => {
    let host: string | undefined
    const address = await http((request, response) => {
      host = request.headers.host
      response.end()
    })
    await httpProbe()(address, LONG)
    expect(host).toBe(`127.0.0.1:${address.port}`)
  })

  it.each<[string, (socket: Socket) => void]>([
    ['closes at once', (socket) => socket.destroy()],
    ['closes when it is asked', (socket) => socket.on('data', () => socket.destroy())],
    ['resets', (socket) => socket.on('data', () => socket.resetAndDestroy())],
    ['speaks something else', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
    ['sends half a head', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-')],
    ['sends a head without end', (socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`)],
  ])('a node that %s: tcp_failure', async (_, onConnection) => {
    expect(await httpProbe()(await raw(onConnection), LONG)).toMatchObject({ outcome: 'tcp_failure' })
  })

  it('tells who refuses', async () => {
    expect(await httpProbe()(await refusing(), LONG)).toMatchObject({
      outcome: 'tcp_failure',
      evidence: /ECONNREFUSED/,
    })
  })

  it('does not wait for the end of an endless answer', async () => {
    let closed: (() => void) | undefined
    const gone = new Promise<void>((resolve) => (closed = resolve))
    const result = await ask((request, response) => {
      request.on('close', () => closed?.())
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        response.once('drain', more)
      }
      more()
    })
    expect(result.outcome).toBe('success')
    await gone
  })

  it.each<[string, (socket: Socket) => void]>([
    ['says nothing', () => undefined],
    ['sends a byte now and then', (socket) => drip(socket, 'HTTP/1.1 200 OK\r\n')],
    ['sends interim responses for ever', (socket) => drip(socket, 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(50))],
  ])('a node that %s: timeout_failure, and the connection is closed', async (_, onConnection) => {
    let closed: (() => void) | undefined
    const gone = new Promise<void>((resolve) => (closed = resolve))
    const address = await raw((socket) => {
      socket.on('close', () => closed?.())
      socket.resume()
      onConnection(socket)
    })
    expect(await httpProbe()(address, SHORT)).toEqual({
      outcome: 'timeout_failure',
      evidence: `no answer within ${SHORT} ms`,
    })
    await gone
  })

  it('verifies certificates unless that is off', async () => {
    const server = createHttps({ cert: SERVER_CERTIFICATE, key: SERVER_KEY }, (request, response) => {
      response.writeHead(request.headers.host === 'upstream.test' ? 200 : 500).end()
    })
    const address = await listening(server)
    const ask = (tls: NonNullable<HttpProbeOptions['tls']>): Promise<ProbeResult> =>
      httpProbe({ tls, host: 'upstream.test' })(address, LONG)
    expect(await ask({ serverName: 'upstream.test' })).toMatchObject({
      outcome: 'tcp_failure',
      evidence: /certificate/,
    })
    expect(await ask({ serverName: 'upstream.test', ca: AUTHORITY })).toMatchObject({ outcome: 'success' })
    expect(await ask({ serverName: 'elsewhere.example', ca: AUTHORITY })).toMatchObject({ outcome: 'tcp_failure' })
    expect(await ask({ verify: false })).toMatchObject({ outcome: 'success' })
  })
})

/** Writes the text piece by piece, never to its end within a test. */
function drip(socket: Socket, text: string): void {
  let at = 0
  const timer = setInterval(() => socket.write(text[at++ % text.length]), 5)
  socket.on('close', () => clearInterval(timer))
}

describe('grpc', () => {
  interface Call {
    readonly headers: Record<string, unknown>
    readonly message: Buffer
  }
  const message = (bytes: readonly number[]): Buffer => Buffer.from([0, 0, 0, 0, bytes.length, ...bytes])

  /** A server that answers each call by `answer`. */
  async function grpc(answer: (stream: ServerHttp2Stream, call: Call) => void): Promise<ProbeAddress> {
    const server = createH2()
    server.on('session', (session) => session.on('error', () => undefined))
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = []
      stream.on('error', () => undefined)
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => answer(stream, { headers, message: Buffer.concat(chunks) }))
    })
    return listening(server as unknown as Server)
  }
  const respond =
    (body: Buffer, trailers: Record<string, string> = { 'grpc-status': '0' }) =>
    (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers(trailers))
      stream.end(body)
    }
  const trailersOnly = (status: string) => (stream: ServerHttp2Stream) =>
    stream.respond({ ':status': 200, 'grpc-status': status, 'content-type': 'application/grpc' }, { endStream: true })

  it.each<[string, (stream: ServerHttp2Stream) => void, ProbeResult]>([
    ['SERVING', respond(message([8, 1])), { outcome: 'success', evidence: 'SERVING' }],
    ['NOT_SERVING', respond(message([8, 2])), { outcome: 'http_failure', evidence: 'NOT_SERVING' }],
    ['SERVICE_UNKNOWN', respond(message([8, 3])), { outcome: 'http_failure', evidence: 'SERVICE_UNKNOWN' }],
    ['an empty message', respond(message([])), { outcome: 'http_failure', evidence: 'UNKNOWN' }],
    ['UNIMPLEMENTED', trailersOnly('12'), { outcome: 'http_failure', evidence: 'grpc-status 12' }],
    [
      'a failure behind a message',
      respond(message([8, 1]), { 'grpc-status': '14' }),
      { outcome: 'http_failure', evidence: 'grpc-status 14' },
    ],
    [
      'something else',
      respond(Buffer.from('hello there')),
      { outcome: 'http_failure', evidence: 'a message that is no HealthCheckResponse' },
    ],
    [
      'too much',
      respond(Buffer.alloc(100_000)),
      { outcome: 'http_failure', evidence: 'an answer of more than 1024 bytes' },
    ],
    [
      'status 404',
      (stream) => stream.respond({ ':status': 404 }, { endStream: true }),
      { outcome: 'http_failure', evidence: 'status 404' },
    ],
  ])('%s', async (_, answer, result) => {
    expect(await grpcProbe()(await grpc(answer), LONG)).toEqual(result)
  })

  it('is understood by the server of grpc-js', async () => {
    // HealthCheckRequest and HealthCheckResponse, by the library that most servers in Node.js have.
    const { root } = protobuf.parse(HEALTH_PROTO)
    const HealthCheckRequest = root.lookupType('grpc.health.v1.HealthCheckRequest')
    const HealthCheckResponse = root.lookupType('grpc.health.v1.HealthCheckResponse')
    const server = new GrpcServer()
    server.addService(
      {
        Check: {
          path: '/grpc.health.v1.Health/Check',
          requestStream: false,
          responseStream: false,
          requestDeserialize: (bytes: Buffer) => HealthCheckRequest.decode(bytes).toJSON(),
          requestSerialize: () => Buffer.alloc(0),
          responseSerialize: (answer: object) =>
            Buffer.from(HealthCheckResponse.encode(HealthCheckResponse.create(answer)).finish()),
          responseDeserialize: () => ({}),
        },
      },
      {
        Check: (call: { request: { service?: string } }, callback: (error: object | null, answer?: object) => void) => {
          const { service = '' } = call.request
          if (service === 'unknown') callback({ code: 5, details: 'no such service' })
          else callback(null, { status: service === '' || service === 'up' ? 1 : 2 })
        },
      },
    )
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    )
    closing.push(() => server.forceShutdown())
    const ask = (service: string): Promise<ProbeResult> => grpcProbe({ service })({ host: '127.0.0.1', port }, LONG)
    expect(await ask('')).toEqual({ outcome: 'success', evidence: 'SERVING' })
    expect(await ask('up')).toEqual({ outcome: 'success', evidence: 'SERVING' })
    expect(await ask('down')).toEqual({ outcome: 'http_failure', evidence: 'NOT_SERVING' })
    expect(await ask('unknown')).toEqual({ outcome: 'http_failure', evidence: 'grpc-status 5' })
  })

  it('asks for a service, with metadata', async () => {
    let call: Call | undefined
    const address = await grpc((stream, seen) => {
      call = seen
      respond(message([8, 1]))(stream)
    })
    await grpcProbe({ service: 'shop.v1.Orders', host: 'shop.example', headers: ['X-Token', 'a'] })(address, LONG)
    expect(call?.message.subarray(5)).toEqual(Buffer.from([10, 14, ...Buffer.from('shop.v1.Orders')]))
    expect(call?.headers).toMatchObject({
      ':path': '/grpc.health.v1.Health/Check',
      ':authority': 'shop.example',
      'content-type': 'application/grpc',
      te: 'trailers',
      'x-token': 'a',
      'grpc-timeout': '10000m',
    })
    await grpcProbe({ service: 'x'.repeat(300) })(address, LONG)
    expect(call?.message.subarray(5, 8)).toEqual(Buffer.from([10, 0xac, 2]))
  })

  it('tells who refuses, breaks off, speaks HTTP/1 or is silent', async () => {
    const probe = grpcProbe()
    expect(await probe(await refusing(), LONG)).toMatchObject({ outcome: 'tcp_failure', evidence: /ECONNREFUSED/ })
    expect(await probe(await raw((socket) => socket.destroy()), LONG)).toMatchObject({ outcome: 'tcp_failure' })
    expect(await probe(await http((_, response) => response.end()), LONG)).toMatchObject({ outcome: 'tcp_failure' })
    expect(await probe(await raw((socket) => socket.resume()), SHORT)).toMatchObject({ outcome: 'timeout_failure' })
    expect(await probe(await grpc(() => undefined), SHORT)).toMatchObject({ outcome: 'timeout_failure' })
    expect(await probe(await grpc((stream) => stream.close(2)), LONG)).toMatchObject({ outcome: 'tcp_failure' })
  })
})
