import { connect } from 'node:net'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import type { PluginHooks } from './definition.ts'
import limitConn from './limit-conn.ts'
import { problemsOf, type RequestOptions, TestSession, TestWorker } from './testing/mounted.ts'

let worker: TestWorker
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout'], now: 1_800_000_000_000 })
  worker = new TestWorker()
})
afterEach(() => void vi.useRealTimers())

const config = { conn: 2, burst: 1, default_conn_delay: 0.5, key: 'remote_addr' }

/** Begins a request and leaves it in flight: the session, with the milliseconds it waits or the status it got. */
function begin(hooks: PluginHooks, options?: RequestOptions): { session: TestSession; result: number | string } {
  const session = new TestSession('/', options)
  const waiting = hooks.access?.(session.asSession)
  if (session.answer !== undefined) return { session, result: `${session.answer.status}` }
  if (waiting === undefined) return { session, result: 0 }
  const startedAt = Date.now()
  vi.advanceTimersToNextTimer()
  const result = Date.now() - startedAt
  vi.setSystemTime(startedAt)
  return { session, result }
}

const results = (hooks: PluginHooks, times: number, options?: RequestOptions): (number | string)[] =>
  Array.from({ length: times }, () => begin(hooks, options).result)

describe('limit-conn', () => {
  it('lets conn in, delays burst more, and refuses the others until one leaves', () => {
    const hooks = worker.mount(limitConn, { ...config, only_use_default_delay: true })
    const first = begin(hooks)
    expect(first.result).toBe(0)
    expect(results(hooks, 3)).toEqual([0, 500, '503'])
    first.session.end(hooks)
    expect(results(hooks, 2)).toEqual([500, '503'])
  })

  it('leaves once for each request that entered, and not for those it refused', () => {
    const hooks = worker.mount(limitConn, { ...config, conn: 1, burst: 0 })
    const [one, refused] = [begin(hooks), begin(hooks)]
    expect([one.result, refused.result]).toEqual([0, '503'])
    refused.session.end(hooks)
    expect(begin(hooks).result).toBe('503')
    one.session.end(hooks)
    expect(results(hooks, 2)).toEqual([0, '503'])
  })

  it('does not enter for a client that went away while an earlier plugin waited', () => {
    const hooks = worker.mount(limitConn, { ...config, conn: 1, burst: 0 })
    const session = new TestSession()
    session.end(hooks)
    void hooks.access?.(session.asSession)
    expect(begin(hooks).result).toBe(0)
  })

  it('leaves nothing for a request that another plugin answered before', () => {
    const hooks = worker.mount(limitConn, { ...config, conn: 1, burst: 0 })
    expect(begin(hooks).result).toBe(0)
    new TestSession().end(hooks)
    expect(begin(hooks).result).toBe('503')
  })

  it('delays by what requests take', () => {
    const hooks = worker.mount(limitConn, { ...config, conn: 1, burst: 2 })
    const upstream = begin(hooks)
    // (2.5 s + 0.5 s) / 2, the upstream's part of it
    upstream.session.sentAt = 1_500
    upstream.session.end(hooks, 4_000)
    const local = begin(hooks)
    expect(results(hooks, 1)).toEqual([1_500])
    // Answered without an upstream: (0.5 s + 1.5 s) / 2
    local.session.end(hooks, 1_500)
    expect(results(hooks, 2)).toEqual([1_000, 2_000])
  })

  it('takes the delay out of what a request took', () => {
    const hooks = worker.mount(limitConn, { ...config, conn: 1, burst: 1 })
    const [one, delayed] = [begin(hooks), begin(hooks)]
    expect(delayed.result).toBe(500)
    // 0.6 s, of which it waited 0.5 s: (0.1 s + 0.5 s) / 2
    delayed.session.end(hooks, 1_600)
    expect(begin(hooks).result).toBeCloseTo(300, 3)
    one.session.end(hooks, 900)
  })

  it('delays by the same always with only_use_default_delay', () => {
    const hooks = worker.mount(limitConn, { ...config, conn: 1, burst: 3, only_use_default_delay: true })
    const first = begin(hooks)
    expect(results(hooks, 3)).toEqual([500, 500, 500])
    first.session.end(hooks, 60_000)
    expect(begin(hooks).result).toBe(500)
  })

  it('counts by its key, and by address where that has no value', () => {
    const hooks = worker.mount(limitConn, { ...config, conn: 1, burst: 0, key: 'http_x_user' })
    expect(results(hooks, 2, { headers: { 'X-User': 'jack' } })).toEqual([0, '503'])
    expect(results(hooks, 1, { headers: { 'X-User': 'rose' } })).toEqual([0])
    expect(results(hooks, 2)).toEqual([0, '503'])
    expect(results(hooks, 1, { remoteAddress: '2001:db8::1' })).toEqual([0])
  })

  it('counts each place by itself', () => {
    const one = { ...config, conn: 1, burst: 0 }
    expect(begin(worker.mount(limitConn, one, 'routes/1')).result).toBe(0)
    expect(begin(worker.mount(limitConn, one, 'routes/2')).result).toBe(0)
    expect(begin(worker.mount(limitConn, one, 'routes/1')).result).toBe('503')
  })

  it('leaves by the configuration a request entered with', () => {
    const [old, changed] = [config, { ...config, conn: 1, burst: 0 }].map((one) => worker.mount(limitConn, one))
    const first = begin(old)
    expect(results(changed, 2)).toEqual([0, '503'])
    first.session.end(old)
    expect(begin(changed).result).toBe('503')
  })
})

describe('limit-conn with numbers from the request', () => {
  const dynamic = { ...config, conn: '${http_x_conn ?? 1}', burst: '$http_x_burst' }

  it('reads them of each', () => {
    const hooks = worker.mount(limitConn, dynamic)
    expect(results(hooks, 2, { headers: { 'X-Burst': '0' } })).toEqual([0, '503'])
    expect(results(hooks, 1, { headers: { 'X-Burst': '0', 'X-Conn': '2' } })).toEqual([0])
  })

  it.each(['-1', 'many', '0.5', '', '1e999'])('refuses a request when they are %j', (burst) => {
    expect(begin(worker.mount(limitConn, dynamic), { headers: { 'X-Burst': burst } }).result).toBe('500')
    expect(worker.lines[0]?.[2]).toContain('no whole number')
  })

  it('lets it pass with allow_degradation', () => {
    const hooks = worker.mount(limitConn, { ...dynamic, allow_degradation: true })
    expect(results(hooks, 2)).toEqual([0, 0])
  })
})

describe('limit-conn with rules', () => {
  const rules = [
    { conn: 2, burst: 1, key: '$http_x_user' },
    { conn: '${http_x_conn ?? 1}', burst: 0, key: '$http_x_project' },
  ]
  const byRules = { default_conn_delay: 0.2, rules, rejected_code: 429, rejected_msg: 'full' }

  it('applies those whose key has a value', () => {
    const hooks = worker.mount(limitConn, byRules)
    const both = { headers: { 'X-User': 'a', 'X-Project': 'p' } }
    const first = begin(hooks, both)
    expect(first.result).toBe(0)
    // The second rule refuses it; it has entered the first, and leaves it.
    const second = begin(hooks, both)
    expect(second.result).toBe('429')
    expect(second.session.answer?.body).toBe('{"error_msg":"full"}\n')
    expect(begin(hooks, { headers: { 'X-User': 'a' } }).result).toBe(200)
    expect(begin(hooks, { headers: { 'X-User': 'a' } }).result).toBe('429')
    second.session.end(hooks)
    expect(begin(hooks, { headers: { 'X-User': 'a' } }).result).not.toBe('429')
    first.session.end(hooks)
    expect(begin(hooks, { headers: { 'X-Project': 'p' } }).result).toBe(0)
  })

  it('waits as long as the strictest wants, and once', () => {
    const hooks = worker.mount(limitConn, {
      default_conn_delay: 0.2,
      rules: [
        { conn: 1, burst: 5, key: '$remote_addr' },
        { conn: 2, burst: 5, key: '$uri' },
      ],
    })
    expect(results(hooks, 4)).toEqual([0, 200, 400, 600])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('refuses a request to which none applies', () => {
    expect(begin(worker.mount(limitConn, byRules)).result).toBe('500')
    expect(worker.lines[0]?.[2]).toContain('no rule applies')
  })

  it('enters none when a number of one of them is none', () => {
    const hooks = worker.mount(limitConn, byRules)
    expect(results(hooks, 3, { headers: { 'X-User': 'a', 'X-Project': 'p', 'X-Conn': '0' } })).toEqual([
      '500',
      '500',
      '500',
    ])
    expect(results(hooks, 2, { headers: { 'X-User': 'a' } })).toEqual([0, 0])
  })
})

describe('the configuration of limit-conn', () => {
  it.each([
    [{ conn: 1, burst: 1, key: 'uri' }, '"default_conn_delay" is missing'],
    [{ default_conn_delay: 1 }, ': limit-conn needs "conn", "burst" and "key", or "rules"'],
    [{ conn: 1, burst: 0, default_conn_delay: 1 }, ': limit-conn needs "conn", "burst" and "key", or "rules"'],
    [{ ...config, conn: 0 }, '/conn: must be at least 1'],
    [{ ...config, conn: 'x' }, '/conn: is not a whole number from 1'],
    [{ ...config, burst: -1 }, '/burst: must be at least 0'],
    [{ ...config, burst: '' }, '/burst: is not a whole number from 0'],
    [{ ...config, default_conn_delay: 0 }, '/default_conn_delay: must be more than 0'],
    [{ ...config, rules: [{ conn: 1, burst: 0, key: '$uri' }] }, ': limit-conn has both "conn" and "rules"'],
    [{ default_conn_delay: 1, rules: [] }, '/rules: must not be empty'],
    [{ default_conn_delay: 1, rules: [{ conn: 1, key: '$uri' }] }, '/rules/0: "burst" is missing'],
    [{ default_conn_delay: 1, rules: [{ conn: 1, burst: 0, key: 'all' }] }, '/rules/0/key: has no variable'],
    [
      { default_conn_delay: 1, rules: [{ conn: '0', burst: 0, key: '$uri' }] },
      '/rules/0/conn: is not a whole number from 1',
    ],
    [{ ...config, policy: 'redis' }, '/policy: "redis" needs "redis_host"'],
    [{ ...config, key_type: 'constant' }, '/key_type: must be "var" or "var_combination"'],
    [{ ...config, key_ttl: 5 }, '/key_ttl: has no effect with policy "local"'],
  ])('refuses %j', (wrong, problem) => {
    expect(problemsOf(limitConn, wrong).join('\n')).toContain(problem)
  })
})

describe('limit-conn over sockets', () => {
  /** An upstream that answers when it is told to. */
  const waiting: ServerResponse[] = []
  const slow = createServer((_, response) => {
    waiting.push(response)
    slow.emit('held')
  })
  let gateway: TestGateway

  beforeAll(async () => {
    slow.listen(0, '127.0.0.1')
    await once(slow, 'listening')
    const { port } = slow.address() as AddressInfo
    const plugins = { 'limit-conn': { conn: 1, burst: 0, default_conn_delay: 0.1, key: 'uri', rejected_code: 429 } }
    gateway = await startGateway({ routes: [{ id: 'a', uri: '/*', upstream: `http://127.0.0.1:${port}`, plugins }] })
  })
  beforeEach(() => void vi.useRealTimers())
  afterAll(async () => {
    await gateway.close()
    slow.closeAllConnections()
    slow.close()
  })

  const release = (): void => {
    for (const response of waiting.splice(0)) response.end('done')
  }

  it('refuses a second request until the first has been answered', async () => {
    const held = once(slow, 'held')
    const first = gateway.fetch('/one')
    await held
    expect((await gateway.fetch('/one')).status).toBe(429)
    release()
    expect((await first).body).toBe('done')
    const next = once(slow, 'held')
    const second = gateway.fetch('/one')
    await next
    release()
    expect((await second).status).toBe(200)
  })

  it('forgets a client that goes away', async () => {
    const held = once(slow, 'held')
    const socket = connect(gateway.port, '127.0.0.1')
    socket.write('GET /two HTTP/1.1\r\nHost: a\r\n\r\n')
    await held
    expect((await gateway.fetch('/two')).status).toBe(429)
    const [response] = waiting.splice(0)
    const cut = once(response!, 'close')
    // A client that only ends its half may still be reading; one that resets is gone.
    socket.resetAndDestroy()
    // The gateway drops the upstream's connection when it forgets the request.
    await cut
    const next = once(slow, 'held')
    const again = gateway.fetch('/two')
    await next
    release()
    expect((await again).status).toBe(200)
  })
})
