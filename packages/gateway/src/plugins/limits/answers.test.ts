import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type LogLine, TestSession } from '../testing/mounted.ts'
import { LimitFailure, rejection } from './answers.ts'

describe('rejection', () => {
  it('answers with the code and the message', () => {
    const session = new TestSession()
    rejection({ rejected_code: 429, rejected_msg: 'slow "down"', allow_degradation: false })(session.asSession)
    expect(session.answer?.status).toBe(429)
    expect(session.answer?.body).toBe('{"error_msg":"slow \\"down\\""}\n')
    expect(session.answer?.headers.get('content-type')).toBe('application/json')
  })

  it('has words of its own where none are configured', () => {
    const session = new TestSession()
    rejection({ rejected_code: 503, allow_degradation: false })(session.asSession)
    expect(session.answer).toMatchObject({ status: 503, body: '{"error_msg":"too many requests"}\n' })
  })
})

describe('LimitFailure', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 }))
  afterEach(() => void vi.useRealTimers())

  const lines: LogLine[] = []
  const error = (fields: object, message: string): void => void lines.push(['error', fields, message])
  const logger = { error, warn: error, info: error }
  beforeEach(() => void (lines.length = 0))

  it('answers 500 without telling the client what is configured', () => {
    const session = new TestSession()
    new LimitFailure('limit-count', 'routes/1', { rejected_code: 429, allow_degradation: false }, logger).answer(
      session.asSession,
      'the count is secret',
    )
    expect(session.answer?.status).toBe(500)
    expect(JSON.stringify(session.answer?.body)).not.toContain('secret')
    expect(lines).toEqual([
      ['error', { plugin: 'limit-count', scope: 'routes/1', requests: 1 }, 'limit-count: the count is secret'],
    ])
  })

  it('lets the request pass with allow_degradation, and logs it', () => {
    const session = new TestSession()
    new LimitFailure('limit-conn', 'routes/1', { rejected_code: 429, allow_degradation: true }, logger).answer(
      session.asSession,
      'why',
    )
    expect(session.responded).toBe(false)
    expect(lines).toHaveLength(1)
  })

  it('logs once a second, and says for how many requests', () => {
    const failure = new LimitFailure('limit-conn', 'routes/1', { rejected_code: 429, allow_degradation: true }, logger)
    for (let time = 0; time < 5; time++) failure.answer(new TestSession().asSession, 'why')
    vi.setSystemTime(1_000_999)
    failure.answer(new TestSession().asSession, 'why')
    vi.setSystemTime(1_001_000)
    failure.answer(new TestSession().asSession, 'why')
    expect(lines.map(([, fields]) => (fields as { requests: number }).requests)).toEqual([1, 6])
    // A clock that is set back does not silence the log for as long.
    vi.setSystemTime(1_000)
    failure.answer(new TestSession().asSession, 'why')
    expect(lines).toHaveLength(3)
  })
})
