import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, config: object): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'request-validation': config },
})
const item = { type: 'object', required: ['item'], properties: { item: { type: 'string', maxLength: 5 } } }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

describe('request-validation', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      routes: [
        route('/body', { body_schema: item, max_req_body_size: 1_000 }),
        route('/said', { body_schema: item, rejected_code: 422, rejected_msg: 'no' }),
        route('/default', {
          body_schema: {
            properties: { item: { default: 'kite' }, at: { type: 'object', properties: { x: { default: 1 } } } },
          },
        }),
        route('/headers', {
          header_schema: {
            type: 'object',
            required: ['X-One'],
            properties: { 'X-One': { type: 'string', pattern: '^\\d+$' }, 'x-two': { type: 'array' } },
            allOf: [{ dependencies: { 'X-Three': ['X-Two'] } }],
          },
        }),
        route('/both', { header_schema: { required: ['x-one'] }, body_schema: item }),
      ],
    })
  })
  afterAll(() => gateway.close())

  const post = async (path: string, body: string, headers: Record<string, string> = {}): Promise<[number, string]> => {
    const answer = await gateway.fetch(path, { method: 'POST', body, headers })
    return [answer.status, answer.status === 200 ? (answer.json() as { body: string }).body : answer.body]
  }

  it.each([
    ['/body', '{"item":"kite", "n":12345678901234567890}', 200, '{"item":"kite", "n":12345678901234567890}'],
    ['/body', '{"item":"kites and more"}', 400, 'the body: /item must not have more than 5 characters'],
    ['/body', '{}', 400, 'the body: must have required properties item'],
    ['/body', '[]', 400, 'the body: must be object'],
    ['/body', '{"item":', 400, 'the body is not JSON'],
    ['/body', '', 400, 'the request has no body'],
    ['/body', '{"item":"a","item":"much too long"}', 400, 'the body has the name "item" twice in one object'],
    ['/body', `{"item":"${'a'.repeat(2_000)}"}`, 413, ''],
    ['/said', '{}', 422, 'no'],
    ['/default', '{"at":{}}', 200, '{"at":{"x":1},"item":"kite"}'],
    ['/default', '{"at": {"x":2}, "item": 1}', 200, '{"at": {"x":2}, "item": 1}'],
  ])('%s with %s is answered %i', async (path, body, status, expected) => {
    const [got, text] = await post(path, body)
    expect(got).toBe(status)
    if (status !== 413) expect(text).toBe(expected)
    expect((await post(path, body, { 'transfer-encoding': 'chunked' }))[0]).toBe(status)
  })

  it('reads forms', async () => {
    expect(await post('/body', 'item=a%20b', FORM)).toEqual([200, 'item=a%20b'])
    expect((await post('/body', 'item=a&item=b', FORM))[0]).toBe(400)
    expect((await post('/body', 'item', FORM))[0]).toBe(400)
    expect(await post('/default', 'a=1&a=2&b', FORM)).toEqual([200, 'a=1&a=2&b&item=kite'])
  })

  it('reads compressed bodies, and hands them on as they came', async () => {
    const send = async (body: Uint8Array, encoding: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${gateway.port}/body`, {
        method: 'POST',
        body: new Uint8Array(body),
        headers: { 'content-encoding': encoding },
      })
    expect((await send(gzipSync('{"item":"kite"}'), 'gzip')).status).toBe(200)
    expect((await send(gzipSync('{}'), 'gzip')).status).toBe(400)
    expect((await send(gzipSync(`{"item":"${' '.repeat(100_000)}"}`), 'gzip')).status).toBe(400)
    expect((await send(Buffer.from('{"item":"kite"}'), 'zstd')).status).toBe(400)
    expect((await send(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'identity')).status).toBe(400)
  })

  it.each([
    [{ 'X-One': '1' }, 200, ''],
    [{ 'x-ONE': '1' }, 200, ''],
    [{}, 400, 'header fields: must have required properties x-one'],
    [{ 'X-One': 'a' }, 400, 'header fields: /x-one must match pattern "^\\\\d+$"'],
    [{ 'X-One': '1', 'X-Two': 'a' }, 400, 'header fields: /x-two must be array'],
    [{ 'X-One': '1', 'X-Three': 'a' }, 400, ''],
  ])('header fields %j are answered %i', async (headers, status, expected) => {
    const answer = await gateway.fetch('/headers', { headers: headers as unknown as Record<string, string> })
    expect(answer.status).toBe(status)
    if (expected !== '') expect(answer.body).toBe(expected)
  })

  it('looks at fields, then at the body', async () => {
    expect((await post('/both', '{}'))[1]).toContain('x-one')
    expect((await post('/both', '{}', { 'x-one': '1' }))[1]).toContain('item')
    expect((await post('/both', '{"item":""}', { 'x-one': '1' }))[0]).toBe(200)
  })

  it.each([
    [{}, 'needs "header_schema" or "body_schema"'],
    [{ body_schema: { type: 'strange' } }, '/body_schema/type'],
    [{ header_schema: { properties: { a: { pattern: '(x+)+$' } } } }, '/header_schema/properties/a/pattern'],
    [{ body_schema: { $ref: 'file:///etc/passwd' } }, 'leads out of this schema'],
    [{ body_schema: {}, rejected_code: 100 }, 'rejected_code'],
    [{ body_schema: {}, rejected_msg: '' }, 'rejected_msg'],
  ])('refuses %j', async (config, message) => {
    await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(message)
  })
})
