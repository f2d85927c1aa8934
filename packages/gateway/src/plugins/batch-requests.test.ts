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
      ],
    })
    expect(answers.map(({ status }) => status)).toEqual([400, 502, 400, 400, 400, 200])
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
