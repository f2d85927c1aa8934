import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const SOAP = `<?xml version="1.0"?>
<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/">
  <soap-env:Body><ns0:getCountryRequest xmlns:ns0="urn:x"><ns0:name>{{_escape_xml(name)}}</ns0:name></ns0:getCountryRequest></soap-env:Body>
</soap-env:Envelope>`
const FROM_SOAP = `{% if Envelope.Body.Fault == nil then %}
{"asked":{*_escape_json(Envelope.Body.getCountryRequest.name)*}}
{% else %}
{"fault":{*_escape_json(Envelope.Body.Fault)*}}
{% end %}`

const route = (uri: string, config: object, more: object = {}): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'body-transformer': config, ...more },
})

describe('body-transformer', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      routes: [
        route('/soap', { request: { input_format: 'json', template: SOAP } }),
        route('/from-soap', { request: { template: FROM_SOAP } }),
        route('/base64', { request: { template: Buffer.from('[{{a}}]').toString('base64') } }),
        route('/args', { request: { template: '{{a}}-{*b[2]*}' } }),
        route('/form', { request: { template: '{*_escape_json(context)*}' }, max_req_body_size: 1_000 }),
        route('/both', {
          request: { input_format: 'json', template: '{*_escape_json(list[1])*}' },
          response: { input_format: 'json', template: 'method={{method}} status={{_ctx.var.status}} {*_body ~= nil*}' },
        }),
        route('/response', { response: { input_format: 'xml', template: '{{a}}' } }),
        route(
          '/mocked',
          { response: { template: 'hello {{name}}' } },
          { mocking: { response_example: '{"name":"jack"}', content_type: 'application/json' } },
        ),
        route('/locked', { response: { input_format: 'xml', template: '{{a}}' } }, { 'key-auth': {} }),
        route('/small', { response: { template: 'x', input_format: 'plain' }, max_resp_body_size: 10 }),
      ],
    })
  })
  afterAll(() => gateway.close())

  const post = (path: string, body: string | Buffer, type = 'application/json', more: Record<string, string> = {}) =>
    gateway.fetch(path, { method: 'POST', body: body as string, headers: { 'content-type': type, ...more } })
  const sent = async (...request: Parameters<typeof post>): Promise<unknown> => {
    const answer = await post(...request)
    return answer.status === 200 ? (answer.json() as { body: string }).body : answer.status
  }

  it('makes SOAP of JSON, and JSON of SOAP', async () => {
    const soap = await sent('/soap', '{"name":"Chile <&>"}')
    expect(soap).toContain('<ns0:name>Chile &amp;lt;&amp;amp;&amp;gt;</ns0:name>')
    expect(await sent('/from-soap', SOAP, 'text/xml')).toBe('{"asked":"{{_escape_xml(name)}}"}\n')
    expect(
      await sent('/from-soap', '<Envelope><Body><Fault><code>1</code></Fault></Body></Envelope>', 'text/xml'),
    ).toBe('{"fault":{"code":"1"}}\n')
  })

  it('tells the upstream the new length, in chunks or not', async () => {
    const answer = await post('/both', '{"list":["é"]}', 'application/json', { 'transfer-encoding': 'chunked' })
    expect([answer.status, answer.body]).toEqual([200, 'method=POST status=200 true'])
  })

  it('reads queries, forms and compressed bodies', async () => {
    const answer = await gateway.fetch('/args?a=x%20y&b=1&b=2')
    expect((answer.json() as { body: string }).body).toBe('x y-2')
    expect(await sent('/form', 'a=1&a=2&b', 'application/x-www-form-urlencoded')).toBe('{"a":["1","2"],"b":true}')
    expect(await sent('/base64', '{"a":7}')).toBe('[7]')
  })

  it.each([
    ['/soap', '{"name"', 400],
    ['/from-soap', '<Envelope/>', 503],
    ['/form', 'a=1', 200],
    ['/form', 'a'.repeat(2_000), 413],
  ])('%s with %s is answered %i', async (path, body, status) => {
    const type =
      path === '/form' ? 'application/x-www-form-urlencoded' : path === '/soap' ? 'application/json' : 'text/xml'
    expect((await post(path, body, type)).status).toBe(status)
  })

  it('decompresses requests, and refuses what it cannot', async () => {
    const body = gzipSync('{"a":7}')
    const { mounted } = await gzipAsked(body, 'gzip')
    expect(mounted).toBe('[7]')
    expect((await post('/base64', 'x', 'application/json', { 'content-encoding': 'zstd' })).status).toBe(415)
    expect((await post('/base64', 'no gzip', 'application/json', { 'content-encoding': 'gzip' })).status).toBe(400)
  })

  it('lets no response out that it could not change', async () => {
    const answer = await post('/response', '{}')
    expect([answer.status, answer.json()]).toEqual([502, { message: 'the response could not be transformed' }])
    expect((await gateway.fetch('/small')).status).toBe(502)
    expect((await post('/small', 'x'.repeat(300_000))).status).toBe(502)
    expect((await gateway.fetch('/response', { method: 'HEAD' })).status).toBe(200)
  })

  it('changes answers of the gateway itself where the template goes with them', async () => {
    expect((await gateway.fetch('/mocked')).body).toBe('hello jack')
    expect((await gateway.fetch('/locked')).status).toBe(401)
  })

  it.each([
    [{}, 'needs "request" or "response"'],
    [{ request: {} }, 'template'],
    [{ request: { template: '{% require "x" %}' } }, '/request/template'],
    [{ response: { template: 'no base64', template_is_base64: true } }, '/response/template'],
    [{ request: { template: 'x', input_format: 'yaml' } }, 'input_format'],
    [{ request: { template: 'x' }, max_req_body_size: 0 }, 'max_req_body_size'],
  ])('refuses %j', async (config, message) => {
    await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(message)
  })

  async function gzipAsked(body: Buffer, encoding: string): Promise<{ mounted: unknown }> {
    const answer = await fetch(`http://127.0.0.1:${gateway.port}/base64`, {
      method: 'POST',
      body: new Uint8Array(body),
      headers: { 'content-encoding': encoding, 'content-type': 'application/json' },
    })
    return { mounted: ((await answer.json()) as { body: string }).body }
  }
})
