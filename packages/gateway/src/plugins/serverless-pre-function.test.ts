import { afterEach, describe, expect, it, vi } from 'vitest'
import { trustScripts } from '../scripts/index.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import post from './serverless-post-function.ts'
import pre from './serverless-pre-function.ts'
import { problemsOf } from './testing/mounted.ts'

const gateways: TestGateway[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  trustScripts({ trusted: false, isStored: false })
  for (const gateway of gateways.splice(0)) await gateway.close()
})

/** Functions are given time enough: the machine of a test may be busy. */
const TIME = { timeout: 5_000 }

async function gatewayWith(config: object, more: object = {}): Promise<TestGateway> {
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  const { plugins = {}, ...rest } = more as { plugins?: object }
  const gateway = await startGateway({
    routes: [
      {
        uri: '/*',
        upstream_id: 'echo',
        plugins: { 'serverless-pre-function': { ...TIME, ...config }, ...plugins },
        ...rest,
      },
    ],
  })
  gateways.push(gateway)
  return gateway
}

const errors = (gateway: TestGateway): string[] =>
  gateway.logs.filter(({ level }) => level === 'error').map(({ message }) => message)

describe('the configuration', () => {
  it.each([
    ['nothing', {}, ': "functions" is missing'],
    ['no function', { functions: [] }, '/functions: '],
    ['an unknown phase', { phase: 'preread', functions: ['() => {}'] }, '/phase: '],
    ['an unknown option', { functions: ['() => {}'], lua: true }, ': '],
    [
      'Lua',
      { functions: ["return function(conf, ctx) ngx.log(ngx.ERR, 'hit') end"] },
      "/functions/0: is Lua, and functions are JavaScript here; write (session) => session.request.headers.set('X-Seen', 'yes')",
    ],
    [
      'Lua in several lines',
      {
        functions: [
          '() => {}',
          '-- denies\nreturn function(conf, ctx)\n  if ngx.var.arg_x then\n    return 403\n  end\nend',
        ],
      },
      '/functions/1: is Lua',
    ],
    [
      'what is no JavaScript',
      { functions: ['(session) => {\n  return }}'] },
      "/functions/0: is not a JavaScript function: Unexpected token '}'",
    ],
    ['nothing that is written', { functions: [' '] }, '/functions/0: is empty'],
    [
      'trust that the node does not have',
      { functions: ['() => {}'], sandbox: 'none' },
      '/sandbox: "none" runs functions with all rights of the gateway, which the settings file of this node does not allow',
    ],
  ])('refuses %s', (_name, config, problem) => {
    for (const plugin of [pre, post]) expect(problemsOf(plugin, config)[0]).toContain(problem)
  })

  it('is that of APISIX, but for the language', () => {
    expect(pre).toMatchObject({ name: 'serverless-pre-function', priority: 10_000 })
    expect(post).toMatchObject({ name: 'serverless-post-function', priority: -2_000 })
    for (const phase of ['rewrite', 'access', 'header_filter', 'body_filter', 'log', 'before_proxy'])
      expect(problemsOf(pre, { phase, functions: ['() => {}'] })).toEqual([])
    for (const text of [
      '() => {};',
      '// why\n(s) => s',
      'function deny(session) {}',
      'async (s) => {}',
      'const a = 1\nexport default () => a',
    ])
      expect(problemsOf(pre, { functions: [text] })).toEqual([])
  })

  it('may trust functions where the settings file of the node says so', async () => {
    const gateway = await startGateway({
      scripts: { trusted: true },
      routes: [
        {
          uri: '/*',
          upstream_id: 'echo',
          plugins: {
            'serverless-pre-function': {
              sandbox: 'none',
              functions: [
                "(session) => session.respond(200, typeof process + ' ' + session.request.path, { 'X-A': 'b' })",
              ],
            },
          },
        },
      ],
    })
    gateways.push(gateway)
    const answer = await gateway.fetch('/orders')
    expect([answer.status, answer.body, answer.headers['x-a']]).toEqual([200, 'object /orders', 'b'])
  })
})

describe.each(['quickjs', 'none'])('functions (sandbox: %s)', (sandbox) => {
  const start = (config: object, more?: object): Promise<TestGateway> => {
    trustScripts({ trusted: true, isStored: false })
    const scripts = { scripts: { trusted: true } }
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
    const { plugins = {}, ...rest } = (more ?? {}) as { plugins?: object }
    return startGateway({
      ...scripts,
      routes: [
        {
          uri: '/*',
          upstream_id: 'echo',
          plugins: { 'serverless-pre-function': { ...TIME, sandbox, ...config }, ...plugins },
          ...rest,
        },
      ],
    }).then((gateway) => {
      gateways.push(gateway)
      return gateway
    })
  }

  it('read and change the request', async () => {
    const source = `(session) => {
      const { request } = session
      const seen = [request.method, request.path, request.host, request.arg('id'), session.variable('uri'), request.headers.get('x-in'), request.headers.has('x-none')]
      request.headers.set('X-Seen', JSON.stringify(seen))
      request.headers.append('X-More', 'a')
      request.headers.delete('X-In')
      request.headers.set('Host', 'inner.example')
      request.method = 'PUT'
      request.target = '/inner?' + request.target.split('?')[1]
    }`
    for (const phase of ['rewrite', 'access', 'before_proxy']) {
      const gateway = await start({ phase, functions: [source] })
      const answer = await gateway.fetch('/orders?id=7%208', { headers: { 'x-in': 'é', host: 'example.com' } })
      expect(answer.status).toBe(200)
      const { method, url, headers } = gateway.echo.requests[0]!
      expect([method, url, headers['host'], headers['x-more'], headers['x-in']]).toEqual([
        'PUT',
        '/inner?id=7%208',
        'inner.example',
        'a',
        undefined,
      ])
      const seen = JSON.parse(Buffer.from(headers['x-seen'] as string, 'latin1').toString('latin1')) as unknown[]
      expect(seen.slice(0, 5)).toEqual(['GET', '/orders', 'example.com', '7 8', '/orders'])
      expect(seen[6]).toBe(false)
    }
  })

  it('answer it, and later ones are not called', async () => {
    const functions = [
      "(s) => s.request.arg('x') === '1' && s.respond(403, { message: 'no' }, { 'X-Why': ['a', 'b'] })",
      "(s) => s.respond(200, new TextEncoder().encode('b\\0c'), { 'Content-Type': 'image/x' })",
      "() => { throw new Error('not called') }",
    ]
    const gateway = await start({ functions })
    const refused = await gateway.fetch('/?x=1')
    expect([refused.status, refused.body, refused.headers['content-type']]).toEqual([
      403,
      '{"message":"no"}',
      'application/json',
    ])
    const answer = await gateway.fetch('/')
    expect([answer.status, answer.body, answer.headers['content-type']]).toEqual([200, 'b\0c', 'image/x'])
    expect(gateway.echo.requests).toEqual([])
    expect(errors(gateway)).toEqual([])
  })

  it('read and replace the body of the request', async () => {
    const source = `async ({ request }) => {
      const order = JSON.parse(await request.readBody())
      request.replaceBody(JSON.stringify({ ...order, total: order.price * 2, nul: 'a\\0b' }))
    }`
    const gateway = await start({ functions: [source] })
    await gateway.fetch('/', { method: 'POST', body: '{"price":21,"name":"寿司"}' })
    expect(JSON.parse(gateway.echo.requests[0]!.body)).toEqual({ price: 21, name: '寿司', total: 42, nul: 'a\0b' })
    const many = await Promise.all(
      [1, 2, 3, 4].map((price) => gateway.fetch('/', { method: 'POST', body: JSON.stringify({ price }) })),
    )
    expect(
      many.map(({ body }) => (JSON.parse((JSON.parse(body) as { body: string }).body) as { total: number }).total),
    ).toEqual([2, 4, 6, 8])
  })

  it('a body that is larger than they want is a 413', async () => {
    const gateway = await start({ functions: ['async (s) => void await s.request.readBody(10)'] })
    expect((await gateway.fetch('/', { method: 'POST', body: 'x'.repeat(11) })).status).toBe(413)
    const caught = await start({
      functions: ["async (s) => { try { await s.request.readBody(10) } catch { s.respond(400, 'long') } }"],
    })
    expect((await caught.fetch('/', { method: 'POST', body: 'x'.repeat(11) })).body).toBe('long')
  })

  it('change the head of the response', async () => {
    const source = `({ response }) => {
      response.headers.set('X-Was', String(response.status))
      response.headers.delete('X-Echo')
      response.headers.append('Set-Cookie', 'a=1'); response.headers.append('Set-Cookie', 'b=2')
      if (response.status === 404) response.status = 410
    }`
    const gateway = await start({ phase: 'header_filter', functions: [source] })
    const answer = await gateway.fetch('/status/404')
    expect([answer.status, answer.headers['x-was'], answer.headers['x-echo']]).toEqual([410, '404', undefined])
  })

  it('change the body of the response, one after the other', async () => {
    const gateway = await start({
      phase: 'body_filter',
      functions: [
        '(session, chunk, end) => new TextDecoder().decode(chunk).replaceAll("x", "yé") + (end ? "!" : "")',
        '(session, chunk) => session.response.status === 200 ? undefined : ""',
      ],
    })
    const answer = await gateway.fetch('/bytes/3')
    expect(answer.body).toBe('yéyéyé!')
    expect((await gateway.fetch('/status/500')).body).toBe('')
  })

  it('log, and keep what later ones want', async () => {
    const gateway = await start(
      { phase: 'rewrite', functions: ["(s) => s.set('order', { id: +s.request.arg('id') })"] },
      {
        plugins: {
          'serverless-post-function': {
            ...TIME,
            sandbox,
            phase: 'log',
            functions: ["(s) => s.log('warn', 'order', s.get('order'), s.response.status, 'a\\nb')"],
          },
        },
      },
    )
    await gateway.fetch('/?id=7')
    await vi.waitFor(() =>
      expect(gateway.logs).toContainEqual({
        level: 'warn',
        message: 'order {"id":7} 200 a b',
        fields: expect.objectContaining({ plugin: 'serverless-post-function' }) as object,
      }),
    )
  })

  it('see who calls', async () => {
    const gateway = await startGateway({
      scripts: { trusted: true },
      consumers: [{ username: 'jack', labels: { tier: 'gold' }, plugins: { 'key-auth': { key: 's3cret-key' } } }],
      routes: [
        {
          uri: '/*',
          upstream_id: 'echo',
          plugins: {
            'key-auth': {},
            'serverless-post-function': { ...TIME, sandbox, functions: ['(s) => s.respond(200, s.consumer)'] },
          },
        },
      ],
    })
    gateways.push(gateway)
    const { body } = await gateway.fetch('/', { headers: { apikey: 's3cret-key' } })
    expect(JSON.parse(body)).toEqual({ username: 'jack', labels: { tier: 'gold' } })
  })
})

describe('a function that fails', () => {
  it('is a 500, a line of the log with its line, and a number', async () => {
    const gateway = await gatewayWith({ functions: ["(session) => {\n\n  throw new TypeError('wrong\\nhere')\n}"] })
    const answers = [await gateway.fetch('/'), await gateway.fetch('/')]
    expect(answers.map(({ status, body }) => [status, body])).toEqual(
      Array(2).fill([500, '{"message":"internal error"}\n']),
    )
    expect(errors(gateway)).toEqual(['serverless-pre-function: functions[0]:3: TypeError: wrong'])
    expect(gateway.metrics.render()).toContain(
      'sekisho_script_failures_total{plugin="serverless-pre-function",reason="error"} 2',
    )
    expect(gateway.echo.requests).toEqual([])
  })

  it('is passed by when it fails open', async () => {
    const functions = ["() => { throw new Error('no') }", "(s) => s.request.headers.set('X-Second', 'yes')"]
    const gateway = await gatewayWith({ fail_policy: 'open', functions })
    expect((await gateway.fetch('/')).status).toBe(200)
    expect(gateway.echo.requests[0]?.headers['x-second']).toBe('yes')
  })

  it.each([
    ['a number', '() => 403', 'returned 403'],
    ['status and body', "() => [403, 'no']", 'returned [403,"no"]'],
  ])('returns %s as in Lua: the request does not go on', async (_name, source, message) => {
    const gateway = await gatewayWith({ functions: [source] })
    expect((await gateway.fetch('/')).status).toBe(500)
    expect(errors(gateway)[0]).toContain(`${message}: answer by session.respond(status, body, headers)`)
  })

  it('does not let the response out, in header_filter', async () => {
    const gateway = await gatewayWith({ phase: 'header_filter', functions: ['() => { throw new Error() }'] })
    const answer = await gateway.fetch('/bytes/10')
    expect([answer.status, answer.body, answer.headers['x-echo']]).toEqual([500, '', undefined])
    const open = await gatewayWith({
      phase: 'header_filter',
      fail_policy: 'open',
      functions: ['() => { throw new Error() }'],
    })
    expect((await open.fetch('/bytes/10')).body).toBe('xxxxxxxxxx')
  })

  it('breaks the response off, in body_filter', async () => {
    const gateway = await gatewayWith({ phase: 'body_filter', functions: ['() => { throw new Error() }'] })
    const answer = await gateway.fetch('/bytes/10').catch(() => undefined)
    expect(answer === undefined || answer.status === 500).toBe(true)
  })

  it('may not do in a phase what is too late there', async () => {
    const gateway = await gatewayWith({ phase: 'header_filter', functions: ["(s) => s.request.headers.set('a', 'b')"] })
    expect((await gateway.fetch('/')).status).toBe(500)
    expect(errors(gateway)[0]).toContain('TypeError: the request has left: its headers cannot be changed any more')
  })

  it('has a text that does not run', async () => {
    const gateway = await gatewayWith({ functions: ['const a = missing\nexport default () => a'] })
    expect((await gateway.fetch('/')).status).toBe(500)
    expect(errors(gateway)[0]).toContain("functions[0]:1: ReferenceError: 'missing' is not defined")
  })
})

it('a route that a function was taken from, and given another, serves on', async () => {
  const gateway = await gatewayWith({ functions: ["(s) => s.respond(200, 'one')"] })
  expect((await gateway.fetch('/')).body).toBe('one')
  const plugins = (text: string): object => ({
    'serverless-pre-function': { ...TIME, functions: [`(s) => s.respond(200, '${text}')`] },
  })
  await gateway.update({ routes: [{ uri: '/*', upstream_id: 'echo', plugins: plugins('two') }] })
  expect((await gateway.fetch('/')).body).toBe('two')
})
