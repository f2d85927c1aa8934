import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EchoedRequest } from '../testing/echo-upstream.ts'
import { startGateway, type FetchOptions, type TestGateway } from '../testing/start-gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startGateway({})
})
afterAll(() => gateway.close())

const documentWith = (config: object, more: object = {}): object => ({
  routes: [{ id: 'r', uri: '/*', upstream_id: 'echo', plugins: { 'proxy-rewrite': config, ...more } }],
})

/** What the upstream gets. */
async function sent(config: object, path: string, options?: FetchOptions): Promise<EchoedRequest> {
  await gateway.update(documentWith(config))
  const answer = await gateway.fetch(path, options)
  expect(answer.status).toBe(200)
  return answer.json() as EchoedRequest
}

/** The target that the upstream gets. */
const target = async (config: object, path: string, options?: FetchOptions): Promise<string> =>
  (await sent(config, path, options)).url

describe('uri', () => {
  it.each([
    ['/new', '/old', '/new'],
    ['/new', '/old?a=1&b=2', '/new?a=1&b=2'],
    ['/new?c=3', '/old', '/new?c=3'],
    ['/new?c=3', '/old?a=1', '/new?c=3&a=1'],
    ['/new?', '/old?a=1', '/new?&a=1'],
    ['/v2$uri', '/a/b', '/v2/a/b'],
    ['/v2${uri}.json', '/a', '/v2/a.json'],
    ['/$arg_name/x', '/?name=json', '/json/x?name=json'],
    ['/$nothing/x', '/', '//x'],
    ['/cost-\\$5', '/', '/cost-$5'],
    ['/a b/é', '/', '/a%20b/%C3%A9'],
    // As in APISIX, the path is text and not yet encoded.
    ['/100%25', '/', '/100%2525'],
    ['/x?name=$arg_n', '/?n=json', '/x?name=json&n=json'],
    ['/x?y=1&$args', '/?n=1&m=2', '/x?y=1&n=1&m=2&n=1&m=2'],
    ['/x?m=$request_method&u=${uri}$', '/a', '/x?m=GET&u=/a$'],
    ['/x?price=\\$5 é', '/', '/x?price=$5%20%C3%A9'],
  ])('%s for %s', async (uri, path, expected) => {
    expect(await target({ uri }, path)).toBe(expected)
  })

  it('keeps what a client put into a variable out of the request line and the query', async () => {
    const evil = '%20HTTP/1.1%0D%0AX-Evil:%201%0D%0A%00%3Fq%23f%25%26a=b%2B'
    expect(await target({ uri: '/x/$arg_v' }, `/?v=${evil}`)).toBe(
      `/x/%20HTTP/1.1%0D%0AX-Evil:%201%0D%0A%00%3Fq%23f%25&a=b+?v=${evil}`,
    )
    expect(await target({ uri: '/x?v=$arg_v' }, `/?v=${evil}`)).toBe(
      `/x?v=%20HTTP/1.1%0D%0AX-Evil:%201%0D%0A%00?q%23f%25%26a=b%2B&v=${evil}`,
    )
  })

  it('does not let a client lead the new path upwards', async () => {
    await gateway.update(documentWith({ uri: '/public/$arg_file' }))
    for (const file of ['../secret', '..', 'a/../../b', '..%5Csecret', '%2e%2e/secret']) {
      const answer = await gateway.fetch(`/?file=${file}`)
      expect([file, answer.status, answer.json()]).toEqual([
        file,
        400,
        { error_msg: 'the new path would lead upwards ("..")' },
      ])
    }
    expect((await gateway.fetch('/?file=a..b')).status).toBe(200)
  })
})

describe('regex_uri', () => {
  it.each([
    [['^/iresty/(.*)/(.*)/(.*)', '/$1-$2-$3'], '/iresty/a/b/c', '/a-b-c'],
    [['^/iresty/(.*)', '/${1}0'], '/iresty/a?x=1', '/a0?x=1'],
    [['/b', '/B'], '/a/b/c/b', '/a/B/c/b'],
    [['^/a', '/x', '^/ab', '/y'], '/ab', '/xb'],
    [['^/one', '/1', '^/two', '/2'], '/two/x', '/2/x'],
    [['^/one', '/1'], '/other?x=1', '/other?x=1'],
    [['^/api/(.*)', '$1'], '/api/users', '/users'],
    [['^/u/(.*)', '/user?id=$1'], '/u/7', '/user?id=7'],
    [['^/u/(.*)', '/user?id=$1'], '/u/7?x=1', '/user?id=7&x=1'],
    [['^/u/(\\d+)', '/user?id=$1'], '/u/7/b c', '/user?id=7/b%20c'],
    [['(?i)^/API', '/x'], '/api/a', '/x/a'],
    [['^/a/(b)?', '/x$1$9'], '/a/', '/x'],
    [['^/price', '/$$'], '/price', '/$'],
    [['^', '/prefix'], '/a', '/prefix/a'],
  ])('%j for %s', async (regex_uri, path, expected) => {
    expect(await target({ regex_uri }, encodeURI(path))).toBe(expected)
  })

  it('is not looked at beside uri', async () => {
    expect(await target({ uri: '/x', regex_uri: ['.*', '/y'] }, '/a')).toBe('/x')
  })

  it('encodes what was captured decoded', async () => {
    expect(await target({ regex_uri: ['^/a/(.*)', '/b/$1'] }, '/a/x%20y%0D%0AHost:%20z%3Fq%25%23%C3%A9')).toBe(
      '/b/x%20y%0D%0AHost:%20z%3Fq%25%23%C3%A9',
    )
    expect(await target({ regex_uri: ['^/a/(.*)', '/b?v=$1'] }, '/a/x%26admin=1%3F%23%20%0D%0A')).toBe(
      '/b?v=x%26admin=1?%23%20%0D%0A',
    )
  })

  it('keeps the bytes of a path that is not UTF-8', async () => {
    expect(await target({ regex_uri: ['^/a/(.*)', '/é/$1'] }, '/a/%e9')).toBe('/%E9/%E9')
  })

  it('does not turn a capture into an absolute target or one that leads upwards', async () => {
    expect(await target({ regex_uri: ['^/p/(.*)', '$1'] }, '/p/http:%2F%2Fevil/x')).toBe('/http:/evil/x')
    await gateway.update(documentWith({ regex_uri: ['^/p/(.*)-(.*)', '/files/$1$2'] }))
    expect((await gateway.fetch('/p/.-./secret')).status).toBe(400)
  })

  it('leaves query arguments that another plugin took out where they are: out', async () => {
    await gateway.update({
      consumers: [{ username: 'jack', plugins: { 'key-auth': { key: 'secret' } } }],
      ...documentWith({ regex_uri: ['^/a', '/b'] }, { 'key-auth': { hide_credentials: true } }),
    })
    expect((await gateway.fetch('/a?x=1&apikey=secret')).json()).toMatchObject({ url: '/b?x=1' })
  })
})

describe('neither of them', () => {
  it('sends the normalised path, as APISIX does', async () => {
    const config = { host: 'b' }
    expect(await target(config, '/print%5Furi//x/../y?a=%5F')).toBe('/print_uri/y?a=%5F')
    expect(await target(config, '/a%2Fb%3Fc')).toBe('/a/b%3Fc')
    expect(await target(config, '/a%20b')).toBe('/a%20b')
    expect(await target(config, '/%e9')).toBe('/%E9')
    expect(await target(config, '/plain?x')).toBe('/plain?x')
  })
})

describe('use_real_request_uri_unsafe', () => {
  const raw = { use_real_request_uri_unsafe: true }

  it('sends what the client sent', async () => {
    expect(await target(raw, '/print%5Furi//x/../y?a=%5F')).toBe('/print%5Furi//x/../y?a=%5F')
  })

  it('applies regex_uri to path and query, and does not add the query again', async () => {
    const config = { ...raw, regex_uri: ['^/a/(.*)$', '/b/$1'] }
    expect(await target(config, '/a/x%2Fy?q=1%20')).toBe('/b/x%2Fy?q=1%20')
    expect(await target({ ...raw, regex_uri: ['^/a/([^?]*)', '/b?from=$1'] }, '/a/x?q=1')).toBe('/b?from=x?q=1')
    expect(await target({ ...raw, regex_uri: ['^/p/(.*)', '$1'] }, '/p/http://evil/')).toBe('/http://evil/')
    expect(await target({ ...raw, regex_uri: ['^/nothing', '/b'] }, '/a%2F')).toBe('/a%2F')
  })

  it('takes what is in uri for encoded, but never lets it break the request line', async () => {
    expect(await target({ ...raw, uri: '/x%20y' }, '/a?q=1')).toBe('/x%20y')
    expect(await target({ ...raw, uri: '/x$arg_v' }, '/a?v=%0D%0A%20%25')).toBe('/x%0D%0A%20%')
  })
})

describe('method and host', () => {
  it('replaces them', async () => {
    const request = await sent({ method: 'PUT', host: 'api.internal:8080' }, '/', {
      method: 'POST',
      body: 'x',
      host: 'a',
    })
    expect(request).toMatchObject({ method: 'PUT', body: 'x', headers: { host: 'api.internal:8080' } })
  })

  it.each([
    ['GET', 'HEAD'],
    ['HEAD', 'GET'],
  ])('%s sent as %s is answered without a body', async (method, config) => {
    await gateway.update(documentWith({ method: config }))
    const answer = await gateway.fetch('/', { method })
    expect(answer).toMatchObject({ status: 200, body: '' })
    expect(gateway.echo.requests.at(-1)?.method).toBe(config)
  })
})

describe('headers', () => {
  it('are set in the older form; an empty text removes one', async () => {
    const { headers } = await sent({ headers: { 'X-New': 'v2', 'x-old': '', 'X-N': 3, add: 'text' } }, '/', {
      headers: { 'x-new': ['v1', 'v0'], 'X-Old': '1' },
    })
    expect(headers).toMatchObject({ 'x-new': 'v2', 'x-n': '3', add: 'text' })
    expect(headers).not.toHaveProperty('x-old')
  })

  it('are added, then set, then removed', async () => {
    const { rawHeaders } = await sent(
      {
        headers: {
          add: { 'X-A': 'added', 'X-B': 'added', 'X-C': 'added', 'X-D': ['1', 2] },
          set: { 'X-B': 'set', 'X-E': ['3', 4] },
          remove: ['x-c', 'X-F'],
        },
      },
      '/',
      { headers: { 'X-A': 'own', 'X-B': 'own', 'X-C': 'own', 'X-E': 'own', 'X-F': 'own' } },
    )
    const custom = rawHeaders.flatMap((name, at) => (/^x-[a-f]$/i.test(name) ? [`${name}: ${rawHeaders[at + 1]}`] : []))
    expect(custom).toEqual(['X-A: own', 'X-A: added', 'X-D: 1', 'X-D: 2', 'X-B: set', 'X-E: 3', 'X-E: 4'])
  })

  it('hold variables and captures, also of themselves', async () => {
    const { headers } = await sent(
      {
        regex_uri: ['^/v(\\d)/(.*)', '/$2'],
        headers: {
          set: { 'X-V': '$1-$2-$3;$remote_addr', 'X-Own': '$http_x_own!', 'X-Cost': '\\$1', 'X-No': '$http_nothing' },
        },
      },
      '/v2/$host',
      { headers: { 'x-own': 'own', 'x-no': '1' } },
    )
    // The captured "$host" is not expanded.
    expect(headers).toMatchObject({ 'x-v': '2-$host-;127.0.0.1', 'x-own': 'own!', 'x-cost': '$1' })
    expect(headers).not.toHaveProperty('x-no')
  })

  it('have empty captures where nothing matched', async () => {
    const { headers } = await sent({ regex_uri: ['^/x', '/y'], headers: { set: { 'X-V': '<$1>' } } }, '/a')
    expect(headers['x-v']).toBe('<>')
  })

  it('cannot be broken by what a client sends', async () => {
    const { headers } = await sent(
      { regex_uri: ['(?s)^/a/(.*)', '/b'], headers: { set: { 'X-V': '$1' }, add: { 'X-W': '$arg_w' } } },
      '/a/x%0D%0AX-Evil:1?w=%00%7F%0A',
    )
    expect(headers).toMatchObject({ 'x-v': 'x%0D%0AX-Evil:1', 'x-w': '%00%7F%0A' })
    expect(headers).not.toHaveProperty('x-evil')
  })

  it('do not decide where the body ends', async () => {
    const request = await sent({ headers: { set: { 'Content-Length': '1', 'Transfer-Encoding': 'chunked' } } }, '/', {
      method: 'POST',
      body: 'abc',
    })
    expect(request.body).toBe('abc')
  })
})

describe('a wrong configuration is refused', () => {
  it.each([
    [{}, '/routes/0/plugins/proxy-rewrite'],
    [{ uri: 'no-slash' }, 'must start with "/"'],
    [{ uri: `/${'x'.repeat(4096)}` }, '/uri'],
    [{ regex_uri: ['^/a'] }, '/regex_uri'],
    [{ regex_uri: ['^/a', '/b', '^/c'] }, 'an expression without its replacement'],
    [{ regex_uri: ['(', '/b'] }, '/regex_uri/0'],
    [{ regex_uri: ['a', '/b', 'a++', '/b'] }, '/regex_uri/2'],
    [{ regex_uri: ['a', '/$uri'] }, '"$uri" is a variable'],
    [{ host: 'a b' }, 'must be a host name'],
    [{ method: 'FETCH' }, '/method'],
    [{ headers: {} }, '/headers'],
    [{ headers: { set: {} } }, '/headers'],
    [{ headers: { 'X A': '1' } }, '"X A" is not a header name'],
    [{ headers: { set: { 'X/A': '1' } } }, '/headers/set/X~1A'],
    [{ headers: { set: { 'X-A': 'a\r\nb' } } }, 'has a control character'],
    [{ headers: { add: { 'X-A': ['b', 'a\0'] } } }, '/headers/add/X-A'],
    [{ headers: { set: { 'X:A': 'a' } } }, '"X:A" is not a header name'],
    [{ headers: { remove: ['X A'] } }, '/headers/remove/0'],
    [{ scheme: 'https' }, 'unknown key "scheme"'],
  ])('%j', async (config, message) => {
    await expect(gateway.update(documentWith(config))).rejects.toThrow(message)
  })
})

describe('a HEAD to the upstream', () => {
  let server: Server
  beforeAll(async () => {
    server = createServer((_, response) =>
      response.writeHead(200, { 'transfer-encoding': 'chunked', 'x-up': '1' }).end(),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))

  it('leaves the connection of a client that sent GET in order', async () => {
    const node = `127.0.0.1:${(server.address() as AddressInfo).port}`
    await gateway.update({
      upstreams: [{ id: 'up', nodes: { [node]: 1 } }],
      routes: [{ id: 'r', uri: '/*', upstream_id: 'up', plugins: { 'proxy-rewrite': { method: 'HEAD' } } }],
    })
    const received = await new Promise<string>((resolve, reject) => {
      const socket = connect(gateway.port, '127.0.0.1')
      let text = ''
      socket.setEncoding('latin1')
      socket.on('data', (data) => (text += data.toString()))
      socket.on('error', reject)
      socket.on('close', () => resolve(text))
      socket.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    })
    const heads = received.split('\r\n\r\n').filter((head) => head !== '')
    expect(heads).toHaveLength(2)
    for (const head of heads) expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*content-length: 0/i)
    for (const head of heads) expect(head).not.toMatch(/transfer-encoding/i)
  })
})
