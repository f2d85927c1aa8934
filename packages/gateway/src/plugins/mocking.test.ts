import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import mocking from './mocking.ts'
import { problemsOf, TestSession, TestWorker } from './testing/mounted.ts'

const worker = new TestWorker()
afterEach(() => void vi.useRealTimers())

const schema = {
  type: 'object',
  properties: { name: { type: 'string', example: 'jack' }, age: { type: 'integer', example: 5 } },
}

function answerOf(config: object, target = '/') {
  const session = new TestSession(target)
  expect(worker.mount(mocking, config).access?.(session.asSession)).toBeUndefined()
  const { status, body, headers } = session.answer!
  return { status, body, headers: Object.fromEntries(headers) as Record<string, string> }
}

describe('mocking', () => {
  it('answers with an example, variables filled in', () => {
    expect(answerOf({ response_example: '{"id":"$arg_id"}' }, '/?id=7')).toEqual({
      status: 200,
      body: '{"id":"7"}',
      headers: { 'Content-Type': 'application/json;charset=utf8', 'x-mock-by': 'Sekisho' },
    })
  })

  it('has status, content type and headers as configured', () => {
    const config = {
      response_example: 'x',
      response_status: 404,
      content_type: 'text/plain; charset=utf-8',
      response_headers: { 'X-A': 'b', 'X-Number': 1.5 },
      with_mock_header: false,
    }
    expect(answerOf(config)).toEqual({
      status: 404,
      body: 'x',
      headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-A': 'b', 'X-Number': '1.5' },
    })
  })

  it('makes up data as JSON, or as XML', () => {
    expect(answerOf({ response_schema: schema }).body).toBe('{"name":"jack","age":5}')
    expect(answerOf({ response_schema: schema, content_type: 'text/plain' }).body).toBe('{"name":"jack","age":5}')
    const xml = '<data>\n  <name>jack</name>\n  <age>5</age>\n</data>\n'
    for (const type of ['application/xml', 'text/xml;charset=utf-8', 'Application/XML ; a=b']) {
      expect(answerOf({ response_schema: schema, content_type: type }).body).toBe(xml)
    }
  })

  it('prefers the example', () => {
    expect(answerOf({ response_schema: schema, response_example: 'x' }).body).toBe('x')
  })

  it('waits, when it is told to', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    const session = new TestSession()
    const waiting = worker.mount(mocking, { response_example: 'x', delay: 2 }).access?.(session.asSession)
    vi.advanceTimersByTime(1_999)
    expect(session.responded).toBe(false)
    vi.advanceTimersByTime(1)
    await waiting
    expect(session.answer?.body).toBe('x')
  })

  const example = { response_example: 'x' }
  it.each([
    [{}, 'mocking needs "response_example" or "response_schema"'],
    [{ ...example, content_type: 'image/png' }, '/content_type: is not supported; write one of application/json'],
    [{ ...example, content_type: '' }, '/content_type: is not supported'],
    [{ ...example, content_type: 'text/plain;\r\na: b' }, '/content_type: is not supported'],
    [{ response_schema: schema, content_type: 'text/html' }, '/content_type: is for a "response_example" only'],
    [{ response_schema: { properties: { a: {} } } }, '/response_schema/properties/a/type: must be one of'],
    [
      { response_schema: { properties: { '1': { type: 'string' } } }, content_type: 'text/xml' },
      'no name for an XML element',
    ],
    [{ ...example, response_status: 100 }, '/response_status: must be at least 200'],
    [{ ...example, delay: -1 }, '/delay: must be at least 0'],
    [{ ...example, delay: 0.5 }, '/delay: must be a whole number'],
    [{ ...example, response_headers: {} }, '/response_headers: must not be empty'],
    [{ ...example, response_headers: { 'a b': 'c' } }, '/response_headers/a b: "a b" is not a header name'],
    [{ ...example, response_headers: { 'X-A': '$arg_a\n' } }, '/response_headers/X-A: has a control character'],
    [{ ...example, response_body: 'x' }, 'unknown key "response_body"'],
  ])('refuses %j', (config, problem) => {
    expect(problemsOf(mocking, config).join('\n')).toContain(problem)
  })
})

describe('mocking over sockets', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    const route = (id: string, config: object) => ({ id, uri: `/${id}`, plugins: { mocking: config } })
    gateway = await startGateway({
      routes: [
        route('json', { response_schema: schema, response_status: 201, delay: 0 }),
        route('none', { response_example: 'x', response_status: 204 }),
        route('utf8', { response_example: '関所', content_type: 'text/plain' }),
      ],
    })
  })
  afterAll(() => gateway.close())

  it('answers without an upstream', async () => {
    const answer = await gateway.fetch('/json')
    expect(answer).toMatchObject({ status: 201, headers: { 'x-mock-by': 'Sekisho' } })
    expect(answer.json()).toEqual({ name: 'jack', age: 5 })
    expect(await gateway.fetch('/none')).toMatchObject({ status: 204, body: '' })
    expect((await gateway.fetch('/utf8')).body).toBe('関所')
    expect((await gateway.fetch('/json', { method: 'HEAD' })).body).toBe('')
  })
})
