import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type FetchOptions, type TestGateway } from '../testing/start-gateway.ts'
import { connect } from 'node:net'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startGateway({})
})
afterAll(() => gateway.close())

const documentWith = (config: object, more: object = {}): object => ({
  routes: [{ id: 'r', uri: '/*', upstream_id: 'echo', plugins: { redirect: config } }],
  ...more,
})

/** `status location` of the answer; the upstream's has no location. */
async function redirected(config: object, path: string, options?: FetchOptions, more?: object): Promise<string> {
  await gateway.update(documentWith(config, more))
  const { status, headers } = await gateway.fetch(path, options)
  return `${status} ${headers['location'] ?? '-'}`
}

describe('uri', () => {
  it.each([
    [{ uri: '/test/add' }, '/hello', '302 /test/add'],
    [{ uri: '/test/add', ret_code: 301 }, '/hello', '301 /test/add'],
    [{ uri: '/ok', ret_code: 200 }, '/hello', '200 /ok'],
    [{ uri: '$uri/test/add' }, '/hello', '302 /hello/test/add'],
    [{ uri: '$uri/test/a${arg_name}c' }, '/hello?name=json', '302 /hello/test/ajsonc'],
    [{ uri: '/foo$$uri' }, '/hello', '302 /foo$/hello'],
    [{ uri: '\\$uri/foo$uri\\$uri/bar' }, '/hello', '302 \\$uri/foo/hello\\$uri/bar'],
    [{ uri: '$uri/$bad_var/bar' }, '/hello', '302 /hello//bar'],
    [{ uri: 'https://$host$request_uri' }, '/hello?x=%20', '302 https://foo.com/hello?x=%20'],
    [{ uri: '$uri' }, '/with%20space', '302 /with space'],
    [{ uri: '$uri', encode_uri: true }, '/with%20space%3F', '302 /with%20space?'],
    [{ uri: '$uri?a=b c', encode_uri: true }, '/with%20space', '302 /with%20space?a=b c'],
    [{ uri: '$uri', append_query_string: true }, '/hello?name=json', '302 /hello?name=json'],
    [{ uri: '$uri', append_query_string: true }, '/hello', '302 /hello'],
    [{ uri: '$uri?type=string', append_query_string: true }, '/hello?name=json', '302 /hello?type=string&name=json'],
  ])('%j for %s', async (config, path, expected) => {
    expect(await redirected(config, path, { host: 'foo.com' })).toBe(expected)
  })

  it('answers without a body, and without asking the upstream', async () => {
    await gateway.update(documentWith({ uri: '/new' }))
    const before = gateway.echo.requests.length
    const answer = await gateway.fetch('/', { method: 'POST', body: 'abc' })
    expect(answer).toMatchObject({ status: 302, body: '', headers: { 'content-length': '0' } })
    expect(gateway.echo.requests).toHaveLength(before)
  })

  it('lets no client add a header to the answer', async () => {
    await gateway.update(documentWith({ uri: '/x$arg_v' }))
    const answer = await gateway.fetch('/?v=%0D%0ASet-Cookie:%20a=b%00%C3%A9')
    expect(answer).toMatchObject({ status: 302, headers: { location: '/x%0D%0ASet-Cookie: a=b%00%C3%A9' } })
    expect(answer.headers).not.toHaveProperty('set-cookie')
  })
})

describe('regex_uri', () => {
  it.each([
    [['^/test/(.*)', 'http://test.com/${1}'], '/test/1', '302 http://test.com/1'],
    [['^/test/(.*)', 'http://test.com/${1}'], '/hello', '200 -'],
    [['/b', '/c'], '/a/b/b', '302 /a/c/b'],
    [['(?i)^/(TEST)', '/$$$1'], '/test/x', '302 /$test/x'],
  ])('%j for %s', async (regex_uri, path, expected) => {
    expect(await redirected({ regex_uri }, path)).toBe(expected)
  })

  it('encodes and appends what it is told to', async () => {
    const config = { regex_uri: ['^/test/(.*)', 'http://test.com/$1'], encode_uri: true, append_query_string: true }
    expect(await redirected(config, '/test/with%20space%C3%A9?x=1')).toBe('302 http://test.com/with%20space%C3%A9?x=1')
  })
})

describe('http_to_https', () => {
  const config = { http_to_https: true, ret_code: 302 }

  it.each([
    ['GET', 301],
    ['HEAD', 301],
    ['POST', 308],
    ['DELETE', 308],
  ])('%s gets %i, whatever ret_code says', async (method, status) => {
    expect(await redirected(config, '/a%20b?x=1', { method, host: 'Foo.com:8080' })).toBe(
      `${status} https://foo.com/a%20b?x=1`,
    )
  })

  it('names the port, unless it is 443: of the place, of the metadata', async () => {
    const metadata = { plugin_metadata: [{ id: 'redirect', https_port: 8443 }] }
    expect(await redirected(config, '/', { host: 'a' }, metadata)).toBe('301 https://a:8443/')
    expect(await redirected({ ...config, ret_port: 9443 }, '/', { host: 'a' }, metadata)).toBe('301 https://a:9443/')
    expect(await redirected({ ...config, ret_port: 443 }, '/', { host: 'a' }, metadata)).toBe('301 https://a/')
    expect(await redirected(config, '/', { host: '[::1]:8080' }, metadata)).toBe('301 https://[::1]:8443/')
  })

  it.each([
    ['https', '200 -'],
    ['HTTPS, http', '200 -'],
    ['http', '301 https://a/'],
    ['http, https', '301 https://a/'],
    ['', '200 -'],
  ])('believes a proxy in front of us: X-Forwarded-Proto %j', async (scheme, expected) => {
    expect(await redirected(config, '/', { host: 'a', headers: { 'X-Forwarded-Proto': scheme } })).toBe(expected)
  })

  it('does nothing when it is false', async () => {
    expect(await redirected({ http_to_https: false }, '/')).toBe('200 -')
  })

  it('cannot tell a client without a Host where to go', async () => {
    await gateway.update(documentWith(config))
    const received = await new Promise<string>((resolve, reject) => {
      const socket = connect(gateway.port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'))
      let text = ''
      socket.on('data', (data) => (text += data.toString()))
      socket.on('error', reject)
      socket.on('close', () => resolve(text))
    })
    expect(received).toMatch(/^HTTP\/1\.1 400 /)
    expect(received).toContain('the request names no host')
  })
})

describe('a wrong configuration is refused', () => {
  it.each([
    [{}, '"redirect" needs one of "uri", "regex_uri" or "http_to_https"'],
    [{ uri: '/x', regex_uri: ['a', 'b'] }, '"redirect" has both "uri" and "regex_uri"'],
    [{ uri: '/x', http_to_https: true }, '"redirect" has both "uri" and "http_to_https"'],
    [{ regex_uri: ['a', 'b'], http_to_https: true }, '"redirect" has both "regex_uri" and "http_to_https"'],
    [{ http_to_https: true, append_query_string: true }, 'http_to_https keeps the query anyway'],
    [{ uri: '/' }, '/uri'],
    [{ regex_uri: ['a'] }, 'must have at least 2 items'],
    [{ regex_uri: ['a', 'b', 'c'] }, 'must have at most 2 items'],
    [{ regex_uri: ['(', 'b'] }, '/regex_uri/0'],
    [{ regex_uri: ['a', '$uri'] }, '/regex_uri/1'],
    [{ uri: '/x', ret_code: 199 }, '/ret_code'],
    [{ uri: '/x', ret_code: 600 }, '/ret_code'],
    [{ http_to_https: true, ret_port: 0 }, '/ret_port'],
    [{ http_to_https: 'yes' }, 'write true'],
  ])('%j', async (config, message) => {
    await expect(gateway.update(documentWith(config))).rejects.toThrow(message)
  })

  it('in the metadata too', async () => {
    await expect(gateway.update({ plugin_metadata: [{ id: 'redirect', https_port: 65_536 }] })).rejects.toThrow(
      'https_port',
    )
  })
})
