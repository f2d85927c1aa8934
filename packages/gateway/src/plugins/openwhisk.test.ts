import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import openWhisk from './openwhisk.ts'
import { problemsOf } from './testing/mounted.ts'

/** The API of OpenWhisk as far as an invocation goes: refuses what the real one refuses. */
let whisk: Server
let gateway: TestGateway
/** What the action answers. */
let result: { status: number; body: string | Buffer }
let last: { url: string; body: string; contentType: string | undefined } | undefined

beforeAll(async () => {
  whisk = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const credentials = Buffer.from(request.headers.authorization?.replace(/^Basic /, '') ?? '', 'base64').toString()
      if (request.method !== 'POST') return response.writeHead(405).end()
      if (credentials !== 'name:secret') return response.writeHead(401).end('{"error":"not authorized"}')
      last = {
        url: request.url ?? '',
        body: Buffer.concat(chunks).toString(),
        contentType: request.headers['content-type'],
      }
      if (result.status === 0) return undefined
      return response.writeHead(result.status, { 'content-type': 'application/json' }).end(result.body)
    })
  })
  await new Promise<void>((resolve) => whisk.listen(0, '127.0.0.1', resolve))
  const api_host = `http://127.0.0.1:${(whisk.address() as AddressInfo).port}`
  const route = (id: string, config: object = {}) => ({
    id,
    uri: `/${id}`,
    plugins: { openwhisk: { api_host, service_token: 'name:secret', namespace: 'guest', action: 'hello', ...config } },
  })
  gateway = await startGateway({
    routes: [
      route('plain'),
      route('packaged', { package: 'my things', action: 'say it', result: false, timeout: 60_000 }),
      route('slow', { timeout: 100 }),
      route('small', { max_req_body_size: 3 }),
      route('stranger', { service_token: 'name:other' }),
      route('away', { api_host: 'http://127.0.0.1:1' }),
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  whisk.closeAllConnections()
  await new Promise((resolve) => whisk.close(resolve))
})

beforeEach(() => {
  result = { status: 200, body: '{}' }
  last = undefined
})

describe('openwhisk', () => {
  it('invokes the action with the body of the request, and waits', async () => {
    result.body = '{"hello":"jo"}'
    const answer = await gateway.fetch('/plain?ignored=1', { method: 'PUT', body: '{"who":"jo"}' })
    expect([answer.status, answer.headers['content-type'], answer.body]).toEqual([
      200,
      'application/json',
      '{"hello":"jo"}',
    ])
    expect(last).toEqual({
      url: '/api/v1/namespaces/guest/actions/hello?blocking=true&result=true&timeout=3000',
      body: '{"who":"jo"}',
      contentType: 'application/json',
    })
    await gateway.fetch('/plain')
    expect(last?.body).toBe('')
  })

  it('names packages, and what is in the options', async () => {
    await gateway.fetch('/packaged')
    expect(last?.url).toBe(
      '/api/v1/namespaces/guest/actions/my%20things/say%20it?blocking=true&result=false&timeout=60000',
    )
  })

  it.each([
    ['{"statusCode":404,"headers":{"x-a":"b","content-length":"1"},"body":"gone"}', 404, 'gone'],
    ['{"statusCode":"201","body":{"a":1}}', 201, '{"a":1}'],
    ['{"body":""}', 200, ''],
    ['{"statusCode":42,"body":"x"}', 502, 'x'],
    ['[1,2]', 200, '[1,2]'],
    ['3', 200, '3'],
  ])('reads the result %s', async (body, status, text) => {
    result.body = body
    const answer = await gateway.fetch('/plain')
    expect([answer.status, answer.body]).toEqual([status, text])
    expect(answer.headers['x-a']).toBe(body.includes('x-a') ? 'b' : undefined)
  })

  it('leaves out fields that would break the answer', async () => {
    result.body = JSON.stringify({ headers: { 'bad name': 'x', 'x-b': 'a\r\nx-c: d', 'x-ok': 1 }, body: 'b' })
    const answer = await gateway.fetch('/plain')
    expect(answer.headers).toMatchObject({ 'x-ok': '1' })
    expect(answer.headers['x-c']).toBeUndefined()
  })

  it('passes on what OpenWhisk itself refuses', async () => {
    expect((await gateway.fetch('/stranger')).status).toBe(401)
    result = { status: 502, body: '{"error":"the action failed"}' }
    expect((await gateway.fetch('/plain')).status).toBe(502)
  })

  it('answers 503 when it is slow, away or speaks no JSON', async () => {
    result.body = '<html>'
    expect((await gateway.fetch('/plain')).status).toBe(503)
    result.status = 0
    expect((await gateway.fetch('/slow')).status).toBe(503)
    expect((await gateway.fetch('/away')).status).toBe(503)
    expect((await gateway.fetch('/small', { method: 'POST', body: 'four' })).status).toBe(413)
  })

  it.each([
    [{ api_host: 'x' }, '/api_host'],
    [{ action: '../x' }, '/action'],
    [{ timeout: 60_001 }, '/timeout'],
    [{ extra: 1 }, '/extra'],
  ])('refuses %j', (config, path) => {
    const whole = { api_host: 'https://a', service_token: 'a:b', namespace: 'n', action: 'a', ...config }
    const problems = problemsOf(openWhisk, whole)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(path)
  })
})
