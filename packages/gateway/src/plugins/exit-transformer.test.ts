import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, functions: string[], more: object = {}): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'key-auth': {}, 'exit-transformer': { functions, ...more } },
})

describe('exit-transformer', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
    gateway = await startGateway({
      consumers: [{ username: 'jack', plugins: { 'key-auth': { key: 's3cret' } } }],
      routes: [
        route('/a', [
          '(s, a) => ({ status: 418, body: { was: a.status, said: a.body, path: s.request.path }, headers: { "X-New": ["1", "2"], "WWW-Authenticate": null } })',
        ]),
        route('/two', [
          '(s, a) => ({ status: a.status + 1 })',
          '(s, a) => a.status === 402 ? { body: "pay " + a.status } : undefined',
        ]),
        route('/nothing', ['() => undefined']),
        route('/throws', ['() => { throw new Error("no") }']),
        route('/closed', ['() => { throw new Error("no") }'], { fail_policy: 'closed' }),
        route('/loops', ['() => { for (;;); }'], { timeout: 20 }),
        route('/wrong', ['() => ({ status: 99 })']),
        route('/framing', ['() => ({ headers: { "Content-Length": "1" } })']),
        route('/injects', ['() => ({ headers: { "X-A": "a\\r\\nX-B: c" } })']),
        route('/other', ['() => ({ code: 1 })'], { fail_policy: 'closed' }),
        route('/edits', ['(s) => s.request.headers.set("x", "y")']),
        route('/big', ['() => ({ body: "x".repeat(100000) })']),
      ],
    })
  })
  afterAll(async () => {
    await gateway.close()
    vi.restoreAllMocks()
  })

  it('changes status, body and fields', async () => {
    const answer = await gateway.fetch('/a')
    expect(answer.status).toBe(418)
    expect(answer.json()).toMatchObject({ was: 401, path: '/a' })
    expect(answer.headers['content-type']).toContain('application/json')
    expect(answer.headers['www-authenticate']).toBeUndefined()
    expect(String(answer.headers['x-new'])).toContain('1')
    expect((await gateway.fetch('/a', { method: 'HEAD' })).status).toBe(418)
  })

  it('leaves responses of upstreams alone', async () => {
    expect((await gateway.fetch('/a', { headers: { apikey: 's3cret' } })).status).toBe(200)
  })

  it('hands the answer from function to function', async () => {
    const answer = await gateway.fetch('/two')
    expect([answer.status, answer.body, answer.headers['content-type']]).toEqual([
      402,
      'pay 402',
      'text/plain; charset=utf-8',
    ])
    expect((await gateway.fetch('/big')).body.length).toBe(100_000)
  })

  it.each([
    ['/nothing', 401],
    ['/throws', 401],
    ['/closed', 500],
    ['/loops', 401],
    ['/wrong', 401],
    ['/framing', 401],
    ['/injects', 401],
    ['/other', 500],
    ['/edits', 401],
  ])('%s is answered %i', async (path, status) => {
    const answer = await gateway.fetch(path)
    expect(answer.status).toBe(status)
    expect(answer.headers['x-b']).toBeUndefined()
    if (status === 401) expect(answer.json()).toHaveProperty('message')
    else expect(answer.body).toBe('')
  })

  it.each([
    [{ functions: ['return function(code, body, header) return code, body, header end'] }, 'is Lua'],
    [
      { functions: ['return function(code, body, header) return code, body, header end'] },
      '(session, { status, body, headers })',
    ],
    [{ functions: ['(('] }, '/functions/0'],
    [{ functions: [] }, 'functions'],
    [{ functions: ['() => 1'], sandbox: 'none' }, '/sandbox'],
  ])('refuses %j', async (config, message) => {
    const routes = [{ uri: '/x', upstream_id: 'echo', plugins: { 'exit-transformer': config } }]
    await expect(gateway.update({ routes })).rejects.toThrow(message)
  })
})
