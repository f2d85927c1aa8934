import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServiceError } from '@grpc/grpc-js'
import { afterEach, describe, expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { ByteClient, startByteService, type ByteService } from './testing/byte-service.ts'

const closing: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function serve(...behaviour: Parameters<typeof startByteService>): Promise<ByteService> {
  const service = await startByteService(...behaviour)
  closing.push(() => service.stop())
  return service
}

async function through(document: object): Promise<{
  gateway: TestGateway
  client: ByteClient
  /** Once. */
  close: () => Promise<void>
}> {
  const gateway = await startGateway(document)
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => (closed ??= gateway.close())
  closing.push(close)
  const client = new ByteClient(gateway.port)
  closing.push(() => client.close())
  return { gateway, client, close }
}

const upstream = (...services: readonly ByteService[]) => ({
  scheme: 'grpc',
  nodes: Object.fromEntries(services.map(({ address }) => [address, 1])),
})

const never = (): void => undefined

describe('time', () => {
  test('max_timeout caps what a client asks for, and the upstream is told', async () => {
    const service = await serve()
    const { client } = await through({
      routes: [{ uri: '/test.Bytes/*', upstream: upstream(service), grpc: { max_timeout: 5 } }],
    })
    const before = Date.now()
    for (const options of [{ timeoutMs: 3_600_000 }, {}]) expect((await client.call('x', options)).code).toBe(0)
    for (const call of service.calls) {
      const deadline = Number(call.getDeadline())
      expect(deadline).toBeGreaterThan(before)
      expect(deadline).toBeLessThan(Date.now() + 5_100)
    }
  })

  test('a call that takes longer ends with DEADLINE_EXCEEDED', async () => {
    const service = await serve(never)
    const { client } = await through({
      services: [{ id: 'bytes', upstream: upstream(service), grpc: { max_timeout: 0.1 } }],
      routes: [{ uri: '/test.Bytes/*', service_id: 'bytes' }],
    })
    expect(await client.call('x', { timeoutMs: 60_000 })).toMatchObject({
      code: 4,
      details: expect.stringMatching(/not answered within its time limit|Deadline exceeded/i) as unknown,
    })
  })

  test('default_timeout is for calls without a deadline', async () => {
    const service = await serve()
    const { client } = await through({
      routes: [{ uri: '/test.Bytes/*', upstream: upstream(service), grpc: { default_timeout: 5, max_timeout: 50 } }],
    })
    await client.call('x')
    await client.call('x', { timeoutMs: 20_000 })
    const left = service.calls.map((call) => Number(call.getDeadline()) - Date.now())
    expect(left[0]).toBeLessThan(5_100)
    expect(left[1]).toBeGreaterThan(15_000)
    expect(left[1]).toBeLessThan(20_100)
  })
})

describe('messages', () => {
  test('longer ones end the call with RESOURCE_EXHAUSTED', async () => {
    const service = await serve((call, callback) => callback(null, Buffer.alloc(Number(call.request.toString()))))
    const { client } = await through({
      routes: [
        {
          uri: '/test.Bytes/*',
          upstream: upstream(service),
          grpc: { max_request_message_bytes: 10, max_response_message_bytes: 100_000 },
        },
      ],
    })
    expect(await client.call('100000')).toMatchObject({ code: 0 })
    expect(await client.call('100001')).toMatchObject({
      code: 8,
      details: 'a message of the response has 100001 bytes, the limit is 100000',
    })
    expect(await client.call('00000000001')).toMatchObject({
      code: 8,
      details: 'a message of the request has 11 bytes, the limit is 10',
    })
  })
})

describe('retry_on', () => {
  test('names statuses after which another node is asked', async () => {
    const busy = await serve((_, callback) => callback({ code: 8, details: 'busy' }))
    const fine = await serve()
    const { client } = await through({
      routes: [
        { uri: '/*', upstream: upstream(busy, fine), grpc: { retry_on: ['unavailable', 'resource-exhausted'] } },
      ],
    })
    for (let time = 0; time < 4; time++) expect((await client.call('x')).code).toBe(0)
    expect(busy.calls.length).toBeGreaterThan(0)
    expect(fine.calls.length).toBe(4)
  })

  test('within `retries`: the client gets what the last one said', async () => {
    const services = await Promise.all(
      ['a', 'b', 'c'].map((details) => serve((_, callback) => callback({ code: 14, details }))),
    )
    const { client } = await through({
      routes: [{ uri: '/*', upstream: { ...upstream(...services), retries: 1 }, grpc: { retry_on: ['unavailable'] } }],
    })
    const { code, details } = await client.call('x')
    expect([code, details]).toEqual([14, 'b'])
    expect(services.map(({ calls }) => calls.length)).toEqual([1, 1, 0])
  })
})

describe('answers of our own', () => {
  const key = { plugins: { 'key-auth': {} } }

  test('have the status and words that a gRPC client reads', async () => {
    const service = await serve()
    const { client } = await through({
      limits: { max_body_bytes: 1_000 },
      consumers: [{ username: 'ada', plugins: { 'key-auth': { key: 'secret' } } }],
      routes: [
        { uri: '/test.Bytes/Call', upstream: upstream(service) },
        { uri: '/key/*', upstream: upstream(service), ...key },
        { uri: '/address/*', upstream: upstream(service), plugins: { 'ip-restriction': { blacklist: ['127.0.0.1'] } } },
        {
          uri: '/limit/*',
          upstream: upstream(service),
          plugins: { 'limit-count': { count: 1, time_window: 60, rejected_code: 429, rejected_msg: 'not so fast' } },
        },
        { uri: '/refused/*', upstream: { scheme: 'grpc', nodes: { '127.0.0.1:1': 1 } } },
        { uri: '/none/*', upstream: { scheme: 'grpc', nodes: { '127.0.0.1:1': 0 } } },
      ],
    })
    expect(await client.call('x', { path: '/no.Such/Method' })).toMatchObject({
      code: 12,
      details: '404 Route Not Found',
    })
    expect(await client.call('x', { path: '/key/Call' })).toMatchObject({ code: 16, details: /API key/ as unknown })
    expect(await client.call('x', { path: '/address/Call' })).toMatchObject({ code: 7 })
    await client.call('x', { path: '/limit/Call' })
    expect(await client.call('x', { path: '/limit/Call' })).toMatchObject({ code: 14, details: 'not so fast' })
    expect(await client.call('x', { path: '/refused/Call' })).toMatchObject({
      code: 14,
      details: 'Bad Gateway (CONNECT_REFUSED)',
    })
    expect(await client.call('x', { path: '/none/Call' })).toMatchObject({ code: 14 })
    expect(await client.call('x'.repeat(2_000))).toMatchObject({ code: 8 })
    expect(await client.call('x')).toMatchObject({ code: 0, message: Buffer.from('x') })
  })

  test('over HTTP/1.1, too, and the connection goes on', async () => {
    const { gateway } = await through({ routes: [{ uri: '/echo', upstream_id: 'echo' }] })
    const answer = await gateway.fetch('/no.Such/Method', {
      method: 'POST',
      headers: { 'content-type': 'application/grpc' },
      body: 'x',
    })
    expect([answer.status, answer.headers['grpc-status'], answer.headers['content-length'], answer.body]).toEqual([
      200,
      '12',
      '0',
      '',
    ])
  })
})

describe('what is seen of calls', () => {
  test('service, method and status in the access log and the metrics', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sekisho-grpc-'))
    closing.push(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'access.log')
    const service = await serve((call, callback) =>
      call.request.length > 0 ? callback(null, call.request) : callback({ code: 5, details: 'nothing' }),
    )
    const { gateway, client, close } = await through({
      access_log: { path, format: '$grpc_service $grpc_method $grpc_status $status' },
      routes: [{ id: 'bytes', uri: '/test.Bytes/*', upstream: upstream(service), plugins: { prometheus: {} } }],
    })
    await client.call('x')
    await client.call('')
    await client.call('x', { path: '/no.Such/Method' })
    await gateway.fetch('/a/b')
    const talk = client.talk()
    await new Promise<void>((resolve) => {
      talk.on('data', () => talk.end())
      talk.on('end', () => resolve())
      talk.on('error', (error: ServiceError) => expect(error).toBeUndefined())
      talk.write(Buffer.from('x'))
    })
    const metrics = gateway.metrics.render()
    expect(metrics).toMatch(/^sekisho_grpc_status\{grpc_status="0",route="bytes",.*\} 2$/m)
    expect(metrics).toMatch(/^sekisho_grpc_status\{grpc_status="5",route="bytes",.*\} 1$/m)
    await close()
    expect(readFileSync(path, 'utf8').trim().split('\n')).toEqual([
      'test.Bytes Call 0 200',
      'test.Bytes Call 5 200',
      'no.Such Method 12 200',
      '- - - 404',
      'test.Bytes Talk 0 200',
    ])
  })
})

describe('what is refused', () => {
  test.each([
    [{ max_timeout: 0 }, /max_timeout/],
    [
      { max_timeout: 5, default_timeout: 6 },
      /default_timeout {2}6: is more than "max_timeout", which is 5; write 5 or less/,
    ],
    [{ retry_on: ['busy'] }, /retry_on/],
    [{ retry_on: ['ok'] }, /retry_on/],
    [{ max_message: 1 }, /max_message/],
    [{ max_request_message_bytes: -1 }, /max_request_message_bytes/],
  ])('%j', async (grpc, words) => {
    const document = { routes: [{ uri: '/*', upstream: 'http://127.0.0.1:1', grpc }] }
    await expect(startGateway(document)).rejects.toThrow(words)
  })
})
