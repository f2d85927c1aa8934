import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import forwardAuth from './forward-auth.ts'
import { AskedService } from './testing/asked-service.ts'
import { problemsOf } from './testing/mounted.ts'

let service: AskedService
let gateway: TestGateway

const update = (config: object): Promise<void> =>
  gateway.update({
    routes: [
      {
        id: 'one',
        uri: '/*',
        upstream_id: 'echo',
        plugins: { 'forward-auth': { uri: `${service.url}/check?a=b`, ...config } },
      },
    ],
  })

beforeAll(async () => {
  service = await AskedService.start()
  gateway = await startGateway({})
})
beforeEach(() => {
  service.asked.length = 0
  service.answer = (_asked, response) => response.end()
})
afterAll(async () => {
  await gateway.close()
  await service.close()
})

describe('the service gets', () => {
  it('the address of the request, and nothing else of it', async () => {
    await update({})
    expect(
      (await gateway.fetch('/a%20b?x=1', { headers: { Cookie: 'secret=1' }, host: 'shop.example:1' })).status,
    ).toBe(200)
    expect(service.last).toMatchObject({ method: 'GET', url: '/check?a=b', body: '' })
    expect(service.last.headers).toMatchObject({
      host: `127.0.0.1:${service.port}`,
      'x-forwarded-proto': 'http',
      'x-forwarded-method': 'GET',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-uri': '/a%20b?x=1',
      'x-forwarded-for': '127.0.0.1',
    })
    expect(service.last.headers).not.toHaveProperty('cookie')
  })

  it('the fields that are named, and further ones with variables, which win', async () => {
    await update({
      request_headers: ['X-A', 'X-B', 'X-None'],
      extra_headers: { 'X-B': 'own', 'X-Where': '$request_method $arg_q' },
    })
    await gateway.fetch('/?q=a%0d%0ab', {
      headers: { 'X-A': ['1', '2'], 'X-B': 'client', 'X-Forwarded-For': '6.6.6.6' },
    })
    expect(service.last.headers).toMatchObject({ 'x-a': '1, 2', 'x-b': 'own', 'x-where': 'GET a%0D%0Ab' })
    expect(service.last.headers['x-forwarded-for']).toBe('127.0.0.1')
    expect(service.last.headers).not.toHaveProperty('x-none')
  })

  it('the body with POST, which the upstream gets as well', async () => {
    await update({ request_method: 'POST', max_req_body_size: 10 })
    const answer = await gateway.fetch('/', { method: 'PUT', body: '0123456789', headers: { 'Content-Encoding': 'x' } })
    expect(service.last).toMatchObject({ method: 'POST', body: '0123456789' })
    expect(service.last.headers).toMatchObject({ 'content-encoding': 'x', 'x-forwarded-method': 'PUT' })
    expect(answer.json()).toMatchObject({ method: 'PUT', body: '0123456789' })
    service.asked.length = 0
    expect((await gateway.fetch('/', { method: 'PUT', body: '01234567890' })).status).toBe(413)
    expect(service.asked).toEqual([])
  })
})

describe('an answer', () => {
  it('below 300 lets the request on, with fields that a client cannot send', async () => {
    await update({ upstream_headers: ['X-User', 'X-Role'] })
    service.answer = (_asked, response) => response.writeHead(204, { 'x-user': 'jack', 'x-other': '1' }).end()
    const answer = await gateway.fetch('/', { headers: { 'x-user': 'root', 'X-ROLE': 'admin' } })
    const { headers } = answer.json() as { headers: object }
    expect(headers).toMatchObject({ 'x-user': 'jack' })
    expect(headers).not.toHaveProperty('x-role')
    expect(headers).not.toHaveProperty('x-other')
  })

  it('of any other status is what the client gets', async () => {
    await update({ client_headers: ['Location', 'Set-Cookie'] })
    service.answer = (_asked, response) =>
      response
        .writeHead(302, { location: '/in', 'set-cookie': ['a=1', 'b=2'], 'x-inner': '1', 'content-type': 'text/html' })
        .end('<p>')
    const answer = await gateway.fetch('/')
    expect(answer).toMatchObject({ status: 302, body: '<p>' })
    expect(answer.headers).toMatchObject({ location: '/in', 'set-cookie': 'a=1, b=2', 'content-type': 'text/html' })
    expect(answer.headers).not.toHaveProperty('x-inner')
    expect(gateway.echo.requests.filter(({ url }) => url === '/never')).toEqual([])
  })

  it.each([500, 503])('%s does not let it on, whatever allow_degradation says', async (status) => {
    await update({ allow_degradation: true })
    service.answer = (_asked, response) => response.writeHead(status).end()
    expect((await gateway.fetch('/')).status).toBe(status)
  })
})

describe('without an answer', () => {
  const silent = (): void => {
    service.answer = () => undefined
  }
  it('the request is refused, by default with 403', async () => {
    await update({ timeout: 100 })
    silent()
    expect((await gateway.fetch('/')).status).toBe(403)
    await update({ timeout: 100, status_on_error: 502 })
    expect((await gateway.fetch('/')).status).toBe(502)
  })
  it('it goes on where that is asked for, and what a client claims does not', async () => {
    await update({ timeout: 100, allow_degradation: true, upstream_headers: ['X-User'] })
    silent()
    const answer = await gateway.fetch('/', { headers: { 'X-User': 'root' } })
    expect(answer.status).toBe(200)
    expect((answer.json() as { headers: object }).headers).not.toHaveProperty('x-user')
  })
  it('as the service is away: refused', async () => {
    await update({ uri: 'http://127.0.0.1:1/' })
    expect((await gateway.fetch('/')).status).toBe(403)
  })
  it('that ends within bounds: refused', async () => {
    await update({})
    service.answer = (_asked, response) => response.end(Buffer.alloc(1_048_577))
    expect((await gateway.fetch('/')).status).toBe(403)
  })
})

describe('a configuration', () => {
  it.each([
    [{}, '"uri" is missing'],
    [{ uri: 'auth.internal' }, '/uri: is not a URL'],
    [{ uri: 'ftp://a/' }, '/uri: must begin with'],
    [{ uri: 'http://a/', request_headers: ['Content-Length'] }, '/request_headers/0: "Content-Length" belongs to one'],
    [{ uri: 'http://a/', upstream_headers: ['a b'] }, '/upstream_headers/0: "a b" is not a header name'],
    [{ uri: 'http://a/', extra_headers: { Host: 'x' } }, '/extra_headers: "Host"'],
    [{ uri: 'http://a/', request_method: 'PUT' }, '/request_method'],
    [{ uri: 'http://a/', timeout: 0 }, '/timeout'],
    [{ uri: 'http://a/', unknown: 1 }, 'unknown'],
  ])('%j is refused', (config, problem) => {
    expect(problemsOf(forwardAuth, config).join()).toContain(problem)
  })
  it('of APISIX passes', () => {
    const config = {
      uri: 'https://a/',
      keepalive: false,
      keepalive_pool: 3,
      keepalive_timeout: 1000,
      ssl_verify: false,
      client_headers: ['Location'],
    }
    expect(problemsOf(forwardAuth, config)).toEqual([])
  })
})
