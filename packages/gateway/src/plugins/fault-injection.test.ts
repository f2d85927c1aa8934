import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import faultInjection from './fault-injection.ts'
import { problemsOf, TestSession, TestWorker } from './testing/mounted.ts'

const worker = new TestWorker()
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** Runs a request through a configuration; the promise of a delay is returned beside the session. */
function send(config: object, target = '/', headers: Record<string, string> = {}) {
  const session = new TestSession(target, { headers })
  const waiting = worker.mount(faultInjection, config).rewrite?.(session.asSession)
  return { session, waiting }
}

describe('abort', () => {
  it('answers with status, body and headers', () => {
    const abort = { http_status: 418, body: 'short and stout', headers: { 'X-Fault': 'yes', 'X-Number': 5 } }
    const { answer } = send({ abort }).session
    expect(answer).toMatchObject({ status: 418, body: 'short and stout' })
    expect([...answer!.headers]).toEqual([
      ['X-Fault', 'yes'],
      ['X-Number', '5'],
    ])
  })

  it('fills in variables', () => {
    const abort = { http_status: 200, body: '$remote_addr ${arg_a} $arg_b|', headers: { 'X-Uri': 'at $uri' } }
    const { answer } = send({ abort }, '/x?a=1').session
    expect(answer?.body).toBe('192.0.2.1 1 |')
    expect(answer?.headers.get('x-uri')).toBe('at /x')
  })

  it('lets no client write header fields of its own', () => {
    const abort = { http_status: 200, headers: { 'X-A': '$arg_a' } }
    const { answer } = send({ abort }, '/?a=1%0D%0ASet-Cookie:%20b%00').session
    expect([...answer!.headers]).toEqual([['X-A', '1%0D%0ASet-Cookie: b%00']])
  })

  it('has an empty body unless one is given', () => {
    expect(send({ abort: { http_status: 503 } }).session.answer).toMatchObject({ status: 503, body: '' })
  })
})

describe('percentage', () => {
  it.each([
    [0, 0, false],
    [1, 0.0099, true],
    [1, 0.01, false],
    [50, 0.499, true],
    [50, 0.5, false],
    [100, 0.9999, true],
  ])('%i with a dice of %f hits: %s', (percentage, dice, isHit) => {
    vi.spyOn(Math, 'random').mockReturnValue(dice)
    expect(send({ abort: { http_status: 503, percentage } }).session.responded).toBe(isHit)
  })

  it('is drawn for delay and abort each', () => {
    vi.spyOn(Math, 'random').mockReturnValueOnce(0.9).mockReturnValueOnce(0.1)
    const { session, waiting } = send({
      abort: { http_status: 503, percentage: 50 },
      delay: { duration: 1, percentage: 50 },
    })
    expect([waiting, session.answer?.status]).toEqual([undefined, 503])
  })
})

describe('vars', () => {
  const abort = {
    http_status: 503,
    vars: [
      [
        ['arg_name', '==', 'jack'],
        ['arg_age', '>', 17],
      ],
      [['http_x_fault', '==', '1']],
    ],
  }

  it('hits when one of the expressions is true', () => {
    expect(send({ abort }, '/?name=jack&age=18').session.responded).toBe(true)
    expect(send({ abort }, '/?name=jack&age=17').session.responded).toBe(false)
    expect(send({ abort }, '/', { 'X-Fault': '1' }).session.responded).toBe(true)
    expect(send({ abort }, '/').session.responded).toBe(false)
  })

  it('never hits with an empty list', () => {
    expect(send({ abort: { http_status: 503, vars: [] } }).session.responded).toBe(false)
  })
})

describe('delay', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout'] }))

  it('holds the request back by seconds, which may be a fraction', async () => {
    const { session, waiting } = send({ delay: { duration: 0.25 } })
    expect(waiting).toBeInstanceOf(Promise)
    vi.advanceTimersByTime(249)
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(1)
    await waiting
    expect(session.responded).toBe(false)
  })

  it('comes before an abort', async () => {
    const { session, waiting } = send({ delay: { duration: 2 }, abort: { http_status: 503 } })
    expect(session.responded).toBe(false)
    vi.advanceTimersByTime(2_000)
    await waiting
    expect(session.answer?.status).toBe(503)
  })

  it('makes no promise where nothing waits', () => {
    expect(send({ delay: { duration: 0 } }).waiting).toBeUndefined()
    expect(send({ delay: { duration: 5, vars: [[['arg_x', '==', '1']]] } }).waiting).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('the configuration', () => {
  const abort = { http_status: 503 }
  it.each([
    [{}, ': must not be empty'],
    [{ abort: {} }, '/abort: "http_status" is missing'],
    [{ abort: { http_status: 199 } }, '/abort/http_status: must be at least 200'],
    [{ abort: { http_status: 1_000 } }, '/abort/http_status: must be at most 999'],
    [{ abort: { ...abort, percentage: 101 } }, '/abort/percentage: must be at most 100'],
    [{ abort: { ...abort, headers: {} } }, '/abort/headers: must not be empty'],
    [{ abort: { ...abort, headers: { 'a b': 'c' } } }, '/abort/headers/a b: "a b" is not a header name'],
    [{ abort: { ...abort, headers: { a: 'b\nc' } } }, '/abort/headers/a: has a control character'],
    [{ abort: { ...abort, headers: { a: true } } }, '/abort/headers/a: must be text or a number'],
    [
      { abort: { ...abort, vars: [['arg_a', '==', 'b']] } },
      '/abort/vars/0: a single expression stands in a list of its own',
    ],
    [{ abort: { ...abort, vars: [[['arg_a', '=', 'b']]] } }, '/abort/vars/0/0/1: invalid operator "="'],
    [{ delay: {} }, '/delay: "duration" is missing'],
    [{ delay: { duration: -1 } }, '/delay/duration: must be at least 0'],
    [{ delay: { duration: 1e9 } }, '/delay/duration: must be at most 2147483'],
    [{ delay: { duration: 1, vars: [[], [['arg_a']]] } }, '/delay/vars/1/0: is not [variable, operator, value]'],
    [{ delay: { duration: 1, vars: Array.from({ length: 21 }, () => []) } }, '/delay/vars: must have at most 20 items'],
    [{ abort, retry: {} }, 'unknown key "retry"'],
  ])('refuses %j', (config, problem) => {
    expect(problemsOf(faultInjection, config).join('\n')).toContain(problem)
  })
})

describe('over sockets', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    const fault = {
      delay: { duration: 0.01 },
      abort: { http_status: 503, body: 'down $arg_x', vars: [[['arg_x', '~=', '']]] },
    }
    const plugins = { 'fault-injection': fault }
    gateway = await startGateway({ routes: [{ id: 'a', uri: '/*', upstream_id: 'echo', plugins }] })
  })
  afterAll(() => gateway.close())

  it('fails the requests it is meant for, before an upstream sees them', async () => {
    const answer = await gateway.fetch('/a?x=1')
    expect(answer).toMatchObject({
      status: 503,
      body: 'down 1',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    })
    expect(gateway.echo.requests).toHaveLength(0)
    expect((await gateway.fetch('/a?x=')).status).toBe(200)
  })
})
