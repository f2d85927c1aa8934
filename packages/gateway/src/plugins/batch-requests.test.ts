import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { readBatch } from './batch-requests/batch.ts'

interface Answered {
  readonly status: number
  readonly reason: string
  readonly headers: Record<string, string>
  readonly body: string
}

const routes = [
  { uri: '/apisix/*', plugins: { 'public-api': {} } },
  { uri: '/batch', plugins: { 'public-api': { uri: '/apisix/batch-requests' }, 'key-auth': {} } },
  { uri: '/locked', upstream_id: 'echo', plugins: { 'key-auth': {} } },
  { uri: '/limited', upstream_id: 'echo', plugins: { 'limit-count': { count: 2, time_window: 60 } } },
  { uri: '/mine', hosts: ['mine.test'], upstream_id: 'echo' },
  { uri: '/body', upstream_id: 'echo', plugins: { 'request-id': {} } },
  { uri: '/*', upstream_id: 'echo' },
]
const consumers = [{ username: 'jo', plugins: { 'key-auth': { key: 'k' } } }]

describe('batch-requests', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      routes,
      consumers,
      plugin_metadata: [{ id: 'batch-requests', max_body_size: 5_000, max_pipeline_items: 20 }],
    })
  })
  afterAll(() => gateway.close())

  const send = (batch: unknown, path = '/apisix/batch-requests', headers: Record<string, string> = {}) =>
    gateway.fetch(path, { method: 'POST', body: typeof batch === 'string' ? batch : JSON.stringify(batch), headers })
  const answersTo = async (batch: unknown): Promise<Answered[]> => {
    const answer = await send(batch)
    expect(answer.status).toBe(200)
    return answer.json() as Answered[]
  }
  const echoed = ({ body }: Answered) =>
    JSON.parse(body) as { method: string; url: string; body: string; headers: Record<string, string> }

  it('answers each request, in their order', async () => {
    const answers = await answersTo({
      pipeline: [
        { path: '/delay/50' },
        { method: 'POST', path: '/b?x=1', body: 'text', query: { y: 'a b', z: [1, 2] }, headers: { 'X-A': 1 } },
        { path: '/status/404' },
      ],
    })
    expect(answers.map(({ status, reason }) => [status, reason])).toEqual([
      [200, 'OK'],
      [200, 'OK'],
      [404, 'Not Found'],
    ])
    expect(answers[0].headers['x-echo']).toBe('1')
    expect(echoed(answers[1])).toMatchObject({
      method: 'POST',
      url: '/b?x=1&y=a%20b&z=1&z=2',
      body: 'text',
      headers: { 'x-a': '1' },
    })
    expect(echoed(answers[0])).toMatchObject({ method: 'GET', body: '' })
  })

  it('adds what is for all, under what each has', async () => {
    const [own, shared] = await answersTo({
      query: { q: 'all' },
      headers: { Host: 'mine.test', 'X-A': 'all' },
      pipeline: [{ path: '/mine', query: { q: 'own' }, headers: { 'x-a': 'own' } }, { path: '/mine' }],
    })
    expect([echoed(own).url, echoed(own).headers['x-a']]).toEqual(['/mine?q=own', 'own'])
    expect([echoed(shared).url, echoed(shared).headers['x-a']]).toEqual(['/mine?q=all', 'all'])
  })

  it('goes through routes, authentication, limits and filters as any request', async () => {
    const answers = await answersTo({
      pipeline: [
        { path: '/locked' },
        { path: '/locked', headers: { apikey: 'k' } },
        { path: '/limited' },
        { path: '/limited' },
        { path: '/limited' },
        { path: '/body', method: 'PUT', body: 'b'.repeat(1_000) },
      ],
    })
    expect(answers.map(({ status }) => status)).toEqual([401, 200, 200, 200, 503, 200])
    expect(echoed(answers[5]).body).toHaveLength(1_000)
    expect(answers[5].headers).toHaveProperty('X-Request-Id')
  })

  it('is as open as its own route', async () => {
    expect((await send({ pipeline: [{ path: '/a' }] }, '/batch')).status).toBe(401)
    expect((await send({ pipeline: [{ path: '/a' }] }, '/batch', { apikey: 'k' })).status).toBe(200)
  })

  it('gives up in time', async () => {
    const [slow, quick] = await answersTo({ timeout: 100, pipeline: [{ path: '/delay/3000' }, { path: '/a' }] })
    expect([slow.status, quick.status]).toEqual([504, 200])
  })

  it('refuses a batch within a batch, answers too large, and forged requests', async () => {
    const answers = await answersTo({
      pipeline: [
        { path: '/apisix/batch-requests', method: 'POST', body: '{}' },
        { path: '/bytes/1048577' },
        { path: '/a HTTP/1.1\r\nX-Forged: 1' },
        { path: '/a', method: 'GET /b HTTP/1.1\r\n' },
        { path: '/a', headers: { 'x-a': '1\r\nx-forged: 1' } },
        { path: '/a', headers: { 'transfer-encoding': 'chunked', 'content-length': '100' } },
        // As bytes of latin1 these would be line ends and a blank.
        { path: '/a', headers: { 'x-a': '1\u010d\u010ax-forged: 1' } },
        { path: '/a\u0120HTTP/1.1\u010d\u010a' },
        { path: '/a', method: 'GET\u0120/b' },
      ],
    })
    expect(answers.map(({ status }) => status)).toEqual([400, 502, 400, 400, 400, 200, 400, 400, 400])
  })

  it.each([
    ['{', 'JSON'],
    [[], 'pipeline'],
    [{}, 'pipeline'],
    [{ pipeline: [{}] }, 'pipeline[0]'],
    [{ pipeline: [{ path: 'a' }] }, 'path'],
    [{ pipeline: [{ path: '/a', body: {} }] }, 'body'],
    [{ pipeline: [{ path: '/a' }], timeout: -1 }, 'timeout'],
    [{ pipeline: Array.from({ length: 21 }, () => ({ path: '/a' })) }, 'at most 20'],
  ])('refuses %j', async (batch, message) => {
    const answer = await send(batch)
    expect(answer.status).toBe(400)
    expect((answer.json() as { error_msg: string }).error_msg).toContain(message)
  })

  it('refuses a list that is too long', async () => {
    expect((await send('x'.repeat(5_001))).status).toBe(413)
  })

  it.each([
    [{ query: Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`q${at}`, 1])) }, '"query" has 101 names'],
    [{ headers: Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`h${at}`, 1])) }, '"headers" has 101 names'],
    [{ headers: { h: 'x'.repeat(16_385) } }, '"headers" is longer'],
    [{ query: { q: Array.from({ length: 10_000 }, () => 1) } }, '"query" is longer'],
    [{ headers: { h: [[[1]]] } }, '"headers" must hold'],
    [{ query: { q: [{}] } }, '"query" must hold'],
  ])('refuses what would be copied to each request at length', (shared, message) => {
    expect(readBatch(JSON.stringify({ ...shared, pipeline: [{ path: '/a' }] }), 10)).toContain(message)
    expect(readBatch(JSON.stringify({ pipeline: [{ path: '/a', ...shared }] }), 10)).toContain(message)
  })

  it('reads any JSON without failing', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.json().map((pipeline) => `{"pipeline":${pipeline}}`),
        ),
        (text) => {
          const read = readBatch(text, 10)
          expect(typeof read === 'string' || read.items.length > 0).toBe(true)
        },
      ),
    )
  })
})

describe('batch-requests as seen from outside', () => {
  /** Never ends what it begins. */
  const endless = createServer((request, response) => {
    open++
    mostOpen = Math.max(mostOpen, open)
    response.on('close', () => {
      open--
      closed.forEach((tell) => tell())
    })
    if (request.url === '/silent') return
    response.writeHead(200)
    const send = () => void (response.destroyed || response.write('x'.repeat(10_000)))
    send()
    const timer = setInterval(send, 5)
    response.on('close', () => clearInterval(timer))
  })
  let open = 0
  let mostOpen = 0
  const closed = new Set<() => void>()
  const noneOpen = () =>
    new Promise<void>((resolve) => {
      const check = () => void (open === 0 && resolve())
      closed.add(check)
      check()
    })
  let gateway: TestGateway
  beforeAll(async () => {
    await once(endless.listen(0, '127.0.0.1'), 'listening')
    gateway = await startGateway({
      trusted_addresses: ['127.0.0.0/8'],
      routes: [
        { uri: '/apisix/batch-requests', plugins: { 'public-api': {} } },
        { uri: '/inside', upstream_id: 'echo', plugins: { 'ip-restriction': { whitelist: ['10.0.0.1'] } } },
        { uris: ['/endless', '/silent'], upstream: `http://127.0.0.1:${(endless.address() as AddressInfo).port}` },
        { uri: '/*', upstream_id: 'echo' },
      ],
      global_rules: [
        { id: 'ip', plugins: { 'real-ip': { source: 'http_x_forwarded_for', trusted_addresses: ['127.0.0.0/8'] } } },
      ],
    })
  })
  afterAll(async () => {
    await gateway.close()
    endless.close()
    endless.closeAllConnections()
  })

  const send = async (batch: object, headers: Record<string, string> = {}): Promise<Answered[]> => {
    const answer = await gateway.fetch('/apisix/batch-requests', {
      method: 'POST',
      body: JSON.stringify(batch),
      headers,
    })
    return answer.json() as Answered[]
  }

  it('believes nothing that an item says of the client, whatever proxy the batch came through', async () => {
    const forged = {
      'x-forwarded-for': '10.0.0.1',
      'x-real-ip': '10.0.0.1',
      'x-forwarded-host': 'other.test',
      'x-forwarded-proto': 'https',
      forwarded: 'for=10.0.0.1',
    }
    const [inside, shown] = await send(
      { headers: forged, pipeline: [{ path: '/inside' }, { path: '/a' }] },
      { 'x-forwarded-for': '192.0.2.7' },
    )
    expect(inside.status).toBe(403)
    const { headers } = JSON.parse(shown.body) as { headers: Record<string, string> }
    expect(headers).toMatchObject({ 'x-real-ip': '192.0.2.7', 'x-forwarded-for': '10.0.0.1, 192.0.2.7' })
    expect(headers['x-forwarded-host']).not.toBe('other.test')
    expect(headers['x-forwarded-proto']).toBe('http')
    expect(headers).not.toHaveProperty('forwarded')
    const [allowed] = await send({ pipeline: [{ path: '/inside' }] }, { 'x-forwarded-for': '10.0.0.1' })
    expect(allowed.status).toBe(200)
  })

  it('takes fifty connections at most, and lets go of all when the list is answered', async () => {
    mostOpen = 0
    const answers = await send({ timeout: 500, pipeline: Array.from({ length: 120 }, () => ({ path: '/endless' })) })
    // How much of the endless comes in that time is the machine's business: all may be too large together.
    for (const { status } of answers) expect([502, 504]).toContain(status)
    await noneOpen()
    // So many in half a second, as the machine is not always free.
    expect(mostOpen).toBeGreaterThan(1)
    expect(mostOpen).toBeLessThanOrEqual(50)
  })

  it('lets go of an answer as soon as it is too large', async () => {
    const [answer] = await send({ pipeline: [{ path: '/endless' }], timeout: 60_000 })
    expect(answer).toMatchObject({ status: 502 })
    await noneOpen()
  })

  it('lets go of everything when the client leaves', async () => {
    const body = JSON.stringify({ pipeline: [{ path: '/silent' }, { path: '/silent' }], timeout: 60_000 })
    const socket = connect(gateway.port, '127.0.0.1')
    socket.write(`POST /apisix/batch-requests HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    await once(endless, 'request')
    // A half-closed connection could still be read from.
    socket.resetAndDestroy()
    await noneOpen()
  })
})
