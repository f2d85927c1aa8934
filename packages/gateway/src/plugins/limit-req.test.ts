import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import limitReq from './limit-req.ts'
import { problemsOf, type RequestOptions, TestSession, TestWorker } from './testing/mounted.ts'

const NOW = 1_800_000_000_000

let worker: TestWorker
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout'], now: NOW })
  worker = new TestWorker()
})
afterEach(() => void vi.useRealTimers())

/** Sends a request: how many milliseconds it waits, or the status it is refused with. */
function client(config: object, scope?: string) {
  const hooks = worker.mount(limitReq, config, scope)
  return async (options?: RequestOptions): Promise<number | { status: number }> => {
    const session = new TestSession('/', options)
    const before = vi.getTimerCount()
    const waiting = hooks.access?.(session.asSession)
    if (session.answer !== undefined) return { status: session.answer.status }
    if (waiting === undefined) return 0
    expect(vi.getTimerCount()).toBe(before + 1)
    const startedAt = Date.now()
    vi.advanceTimersToNextTimer()
    await waiting
    const waitedMs = Date.now() - startedAt
    // The others come at the same time.
    vi.setSystemTime(startedAt)
    return waitedMs
  }
}

describe('limit-req', () => {
  it('delays what is above the rate, and refuses what is above the burst', async () => {
    const send = client({ rate: 10, burst: 2, key: 'remote_addr' })
    expect([await send(), await send(), await send(), await send()]).toEqual([0, 100, 200, { status: 503 }])
    vi.setSystemTime(NOW + 100)
    expect([await send(), await send()]).toEqual([200, { status: 503 }])
    vi.setSystemTime(NOW + 1_000)
    expect(await send()).toBe(0)
  })

  it('does not wait with nodelay', async () => {
    const send = client({ rate: 10, burst: 2, key: 'remote_addr', nodelay: true, rejected_code: 429 })
    expect([await send(), await send(), await send(), await send()]).toEqual([0, 0, 0, { status: 429 }])
  })

  it('takes fractions', async () => {
    const send = client({ rate: 0.5, burst: 0.5, key: 'remote_addr' })
    expect([await send(), await send()]).toEqual([0, { status: 503 }])
    vi.setSystemTime(NOW + 1_000)
    expect(await send()).toBe(1_000)
    expect(await client({ rate: 1e-300, burst: 1, key: 'remote_addr' })()).toBe(0)
  })

  it('does not wait for less than a millisecond', async () => {
    const send = client({ rate: 10_000, burst: 10, key: 'remote_addr' })
    expect([await send(), await send()]).toEqual([0, 0])
  })

  it('counts by its key, and by address where that has no value', async () => {
    const send = client({ rate: 1, burst: 0, key: '$http_a $http_b', key_type: 'var_combination' })
    const one = { headers: { A: '1', B: '2' } }
    expect([await send(one), await send(one)]).toEqual([0, { status: 503 }])
    expect(await send({ headers: { A: '1' } })).toBe(0)
    expect([await send(), await send(), await send({ remoteAddress: '::1' })]).toEqual([0, { status: 503 }, 0])
  })

  it('counts each place by itself', async () => {
    const config = { rate: 1, burst: 0, key: 'remote_addr' }
    expect(await client(config, 'routes/1')()).toBe(0)
    expect(await client(config, 'routes/2')()).toBe(0)
    expect(await client(config, 'routes/1')()).toEqual({ status: 503 })
    expect(await client({ ...config, rate: 2 }, 'routes/1')()).toBe(0)
  })

  it('warns of a key that means nothing', () => {
    worker.mount(limitReq, { rate: 1, burst: 0, key: 'remote_addr', key_type: 'var_combination' })
    expect(worker.lines[0]?.[2]).toContain('no variable in the key')
  })

  const valid = { rate: 1, burst: 0, key: 'remote_addr' }
  it.each([
    [{}, '"rate" is missing'],
    [{ ...valid, rate: 0 }, '/rate: must be more than 0'],
    [{ ...valid, burst: -1 }, '/burst: must be at least 0'],
    [{ ...valid, rate: '1' }, '/rate: must be a number'],
    [{ ...valid, key_type: 'constant' }, '/key_type: must be "var" or "var_combination"'],
    [{ ...valid, policy: 'redis-cluster' }, '/policy: "redis-cluster" needs "redis_cluster_nodes"'],
    [{ ...valid, rejected_code: 100 }, '/rejected_code: must be at least 200'],
    [{ ...valid, nodelay: 'yes' }, '/nodelay: must be true or false'],
    [{ ...valid, no_delay: true }, 'unknown key "no_delay"'],
  ])('refuses %j', (config, problem) => {
    expect(problemsOf(limitReq, config).join('\n')).toContain(problem)
  })
})

describe('limit-req over sockets', () => {
  let gateway: TestGateway
  beforeEach(() => void vi.useRealTimers())
  beforeAll(async () => {
    const route = (id: string, config: object) => ({
      id,
      uri: `/${id}`,
      upstream_id: 'echo',
      plugins: { 'limit-req': { key: 'remote_addr', ...config } },
    })
    gateway = await startGateway({
      routes: [
        route('refused', { rate: 0.001, burst: 1, nodelay: true, rejected_code: 429, rejected_msg: 'slow down' }),
        route('delayed', { rate: 50, burst: 5 }),
      ],
    })
  })
  afterAll(() => gateway.close())

  const send = (path: string, times: number) => Promise.all(Array.from({ length: times }, () => gateway.fetch(path)))

  it('refuses what is above the burst', async () => {
    const answers = await send('/refused', 4)
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 200, 429, 429])
    const refused = answers.find(({ status }) => status === 429)
    expect(refused?.json()).toEqual({ error_msg: 'slow down' })
  })

  it('answers those that waited', async () => {
    expect((await send('/delayed', 4)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  })
})
