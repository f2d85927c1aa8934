import { Headers } from '@sekisho/wire'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import echo from './echo.ts'
import { problemsOf, TestSession, TestWorker } from './testing/mounted.ts'

const worker = new TestWorker()

/** What a client reads of a response that comes in these pieces. */
function read(config: object, pieces: readonly string[], status = 200, fields: Record<string, string> = {}) {
  const hooks = worker.mount(echo, config)
  const session = new TestSession()
  const head = session.receive(hooks, status, Headers.from(fields))
  let body = ''
  for (const [index, piece] of pieces.entries()) {
    const chunk = Buffer.from(piece)
    body += Buffer.from(hooks.bodyFilter?.(session.asSession, chunk, index === pieces.length - 1) ?? chunk).toString()
  }
  return { body, headers: Object.fromEntries(head.headers) as Record<string, string> }
}

describe('echo', () => {
  it.each([
    [{ before_body: '<' }, '<abc'],
    [{ after_body: '>' }, 'abc>'],
    [{ before_body: '<', after_body: '>' }, '<abc>'],
    [{ body: 'new' }, 'new'],
    [{ before_body: '<', body: 'new', after_body: '>' }, '<new>'],
    [{ body: '' }, ''],
    [{ before_body: '日本', body: '語' }, '日本語'],
  ])('makes of abc with %j: %s', (config, expected) => {
    for (const pieces of [['abc'], ['a', 'b', 'c'], ['abc', ''], ['', 'abc']])
      expect(read(config, pieces).body).toBe(expected)
  })

  it('fills an empty body', () => {
    expect(read({ before_body: '<', after_body: '>' }, ['']).body).toBe('<>')
    expect(read({ body: 'new' }, ['']).body).toBe('new')
  })

  it('takes out what described the old body', () => {
    const fields = { 'Content-Length': '3', ETag: '"a"', 'Last-Modified': 'x', 'Content-Encoding': 'gzip', 'X-A': 'b' }
    expect(read({ body: 'new' }, ['abc'], 200, fields).headers).toEqual({ 'X-A': 'b' })
  })

  it('sets headers, in place of those there are', () => {
    const config = { body: 'new', headers: { location: '/a', 'X-Number': 5 } }
    expect(read(config, ['abc'], 200, { Location: '/b' }).headers).toEqual({ location: '/a', 'X-Number': '5' })
  })

  it('puts nothing around a compressed body', () => {
    const fields = { 'Content-Encoding': 'gzip', 'Content-Length': '3' }
    expect(read({ before_body: '<' }, ['abc'], 200, fields)).toEqual({ body: 'abc', headers: fields })
  })

  it.each([204, 304])('leaves a %i without a body as it is', (status) => {
    expect(read({ body: 'new', headers: { A: 'b' } }, [''], status, { ETag: '"a"' })).toEqual({
      body: '',
      headers: { ETag: '"a"', A: 'b' },
    })
  })

  it.each([
    [{}, 'echo needs one of "before_body", "body" or "after_body"'],
    [{ headers: { a: 'b' } }, 'echo needs one of "before_body", "body" or "after_body"'],
    [{ body: 5 }, '/body: must be text'],
    [{ body: 'a', headers: {} }, '/headers: must not be empty'],
    [{ body: 'a', headers: { 'a:b': 'c' } }, '/headers/a:b: "a:b" is not a header name'],
    [
      { body: 'a', headers: { 'Content-Length': '5' } },
      '/headers/Content-Length: "Content-Length" is set by the gateway itself',
    ],
    [{ body: 'a', auth_value: 'x' }, 'unknown key "auth_value"'],
  ])('refuses %j', (config, problem) => {
    expect(problemsOf(echo, config).join('\n')).toContain(problem)
  })
})

describe('echo over sockets', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    const route = (id: string, config: object) => ({
      id,
      uri: `/${id}/*`,
      upstream_id: 'echo',
      plugins: { echo: config },
    })
    gateway = await startGateway({
      routes: [
        {
          id: 'around',
          uri: '/bytes/*',
          upstream_id: 'echo',
          plugins: { echo: { before_body: '<', after_body: '>' } },
        },
        { id: 'status', uri: '/status/*', upstream_id: 'echo', plugins: { echo: { body: 'new' } } },
        route('whole', { body: 'new', headers: { 'X-A': 'b' } }),
        {
          id: 'own',
          uri: '/own',
          plugins: { echo: { before_body: 'we say: ' }, mocking: { response_example: 'hello' } },
        },
      ],
    })
  })
  afterAll(() => gateway.close())

  it('rewrites small and large bodies', async () => {
    expect((await gateway.fetch('/bytes/3')).body).toBe('<xxx>')
    expect((await gateway.fetch('/bytes/1000000')).body).toBe(`<${'x'.repeat(1_000_000)}>`)
    expect(await gateway.fetch('/whole/x')).toMatchObject({ status: 200, body: 'new', headers: { 'x-a': 'b' } })
  })

  it('rewrites answers of the gateway itself', async () => {
    expect((await gateway.fetch('/own')).body).toBe('we say: hello')
  })

  it('sends no body where there is none to send', async () => {
    expect(await gateway.fetch('/status/204')).toMatchObject({ status: 204, body: '' })
    expect(await gateway.fetch('/status/304')).toMatchObject({ status: 304, body: '' })
    expect(await gateway.fetch('/whole/x', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
    expect((await gateway.fetch('/status/500')).body).toBe('new')
  })

  it('leaves compressed bodies whole', async () => {
    const headers = {
      'x-answer-headers': JSON.stringify({ 'content-encoding': 'gzip' }),
      'x-answer-body': 'not really',
    }
    expect(await gateway.fetch('/bytes/3', { headers })).toMatchObject({
      body: 'not really',
      headers: { 'content-length': '10' },
    })
  })
})
