import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { compileAssemblyScript } from '../wasm/testing/assembly-script.ts'
import { problemsOf } from './testing/mounted.ts'
import wasm from './wasm.ts'

/** Built from `examples/wasm/rust` with the SDK for Rust. */
const HOUSE_RULES = fileURLToPath(new URL('../../../../examples/wasm/house-rules.wasm', import.meta.url))

const open: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

/** A gateway with one route that has the filter. */
async function gatewayWith(config: object): Promise<TestGateway> {
  const gateway = await startGateway({
    routes: [{ id: 'all', uri: '/*', upstream_id: 'echo', plugins: { wasm: config } }],
  })
  open.push(gateway)
  return gateway
}

const houseRules = (conf: string, more: object = {}): Promise<TestGateway> =>
  gatewayWith({ path: HOUSE_RULES, conf, ...more })

async function serve(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server: Server = createServer(listener as never)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Sends a body in these pieces, each when the one before was taken; returns what the upstream got. */
async function sendPieces(gateway: TestGateway, pieces: readonly string[]): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: gateway.port, method: 'POST', agent: false }, (response) => {
      response.resume()
      response.on('end', resolve)
    })
    request.on('error', reject)
    const next = (at: number): void => {
      if (at === pieces.length) request.end()
      else request.write(pieces[at], () => setImmediate(next, at + 1))
    }
    next(0)
  })
  return gateway.echo.requests.at(-1)?.body ?? ''
}

describe('a filter in Rust', () => {
  it('answers a request in place of the upstream', async () => {
    const gateway = await houseRules('deny=BadBot')
    const refused = await gateway.fetch('/', { headers: { 'user-agent': 'BadBot/1.0' } })
    expect([refused.status, refused.body, refused.headers['x-house'], refused.headers['content-type']]).toEqual([
      403,
      'not in this house\n',
      'rules',
      'text/plain',
    ])
    expect(gateway.echo.requests).toEqual([])
    expect((await gateway.fetch('/', { headers: { 'user-agent': 'curl' } })).status).toBe(200)
  })

  it('changes heads in both directions', async () => {
    const gateway = await houseRules('via=sekisho')
    const answer = await gateway.fetch('/a?b=c', { headers: { 'x-house': 'mine' } })
    expect(answer.headers['via']).toBe('sekisho')
    expect(gateway.echo.requests[0].headers['x-house']).toBe('seen')
    expect(gateway.echo.requests[0].url).toBe('/a?b=c')
  })

  it('changes a request body, also where the word is cut in two', async () => {
    const gateway = await houseRules('mask=secret')
    await gateway.fetch('/', { method: 'POST', body: 'a secret is a secret' })
    expect(gateway.echo.requests[0].body).toBe('a ****** is a ******')
    expect(gateway.echo.requests[0].headers['content-length']).toBe('20')
    expect(await sendPieces(gateway, ['a sec', 'ret is', ' a secret'])).toBe('a ****** is a ******')
  })

  it('gets the request body whole where that is wanted', async () => {
    const gateway = await houseRules('mask=secret', { request_body: 'buffer' })
    expect(await sendPieces(gateway, ['a sec', 'ret is', ' a secret'])).toBe('a ****** is a ******')
    const skipping = await houseRules('mask=secret', { request_body: 'skip' })
    await skipping.fetch('/', { method: 'POST', body: 'a secret' })
    expect(skipping.echo.requests[0].body).toBe('a secret')
  })

  it('makes a response longer', async () => {
    const gateway = await houseRules('footer=<p>checked</p>')
    const headers = { 'x-answer-body': '<h1>hi</h1>', 'x-answer-headers': '{"content-type":"text/html"}' }
    expect((await gateway.fetch('/', { headers })).body).toBe('<h1>hi</h1><p>checked</p>')
    expect((await gateway.fetch('/', { headers: { 'x-answer-body': 'text' } })).body).toBe('text')
    const big = await gateway.fetch('/bytes/300000', {
      headers: { 'x-answer-headers': '{"content-type":"text/html"}' },
    })
    expect(big.body).toBe(`${'x'.repeat(300_000)}<p>checked</p>`)
  })

  it('asks a service and goes on, or does not', async () => {
    const asked: string[] = []
    const url = await serve((request, response) => {
      asked.push(
        `${request.method} ${request.url} ${request.headers.host} ${String(request.headers['x-original-path'])}`,
      )
      response.writeHead(request.headers['x-original-path'] === '/in' ? 200 : 403, { 'X-User': 'jo' })
      response.end()
    })
    const gateway = await houseRules('auth=who', { upstreams: { who: url } })
    const inside = await gateway.fetch('/in', { method: 'POST', body: 'x'.repeat(100_000) })
    expect(inside.status).toBe(200)
    expect(gateway.echo.requests[0].headers['x-user']).toBe('jo')
    expect(gateway.echo.requests[0].body).toHaveLength(100_000)
    const outside = await gateway.fetch('/out')
    expect([outside.status, outside.body, outside.headers['www-authenticate']]).toEqual([
      401,
      'who are you?\n',
      'house',
    ])
    expect(asked).toEqual(['GET /check auth.example /in', 'GET /check auth.example /out'])
    expect(gateway.echo.requests).toHaveLength(1)
  })

  it('hears that a service is away, and reaches none that is not configured', async () => {
    const url = await serve(() => undefined)
    await open.pop()?.close()
    const away = await houseRules('auth=who', { upstreams: { who: url } })
    expect((await away.fetch('/')).status).toBe(401)
    const unknown = await houseRules('auth=other', { upstreams: { who: url } })
    expect([(await unknown.fetch('/')).body, unknown.echo.requests.length]).toEqual(['no such upstream\n', 0])
  })

  it('holds a request up no longer than it may', async () => {
    const url = await serve(() => undefined)
    const gateway = await houseRules('auth=who', { upstreams: { who: url }, max_pause: 0.05 })
    const answer = await gateway.fetch('/')
    expect([answer.status, answer.json()]).toEqual([504, { error_msg: 'a filter held the request up for too long' }])
  })

  it('counts in the metrics of the gateway', async () => {
    const gateway = await houseRules('deny=BadBot')
    for (let count = 0; count < 3; count++) await gateway.fetch('/', { headers: { 'user-agent': 'BadBot' } })
    expect(gateway.metrics.render()).toContain('\nsekisho_wasm_house_rules_denied 3\n')
  })

  it('may hold back no more than max_req_body_size', async () => {
    for (const request_body of ['stream', 'buffer']) {
      const gateway = await houseRules('mask=secret', { max_req_body_size: 1_000, request_body })
      expect((await gateway.fetch('/', { method: 'POST', body: 'x'.repeat(1_000) })).status).toBe(200)
      expect((await gateway.fetch('/', { method: 'POST', body: 'x'.repeat(1_001) })).status).toBe(413)
    }
  })

  it('runs in the phase that is wanted', async () => {
    const gateway = await startGateway({
      routes: [
        {
          uri: '/*',
          upstream_id: 'echo',
          plugins: {
            wasm: { path: HOUSE_RULES, conf: 'deny=BadBot', http_request_phase: 'rewrite' },
            'key-auth': { _meta: { priority: 1 } },
          },
        },
      ],
    })
    open.push(gateway)
    expect((await gateway.fetch('/', { headers: { 'user-agent': 'BadBot' } })).status).toBe(403)
    expect((await gateway.fetch('/')).status).toBe(401)
  })
})

describe('a filter in AssemblyScript', () => {
  let code = ''
  beforeAll(async () => {
    code = (await compileAssemblyScript('paper-trail.ts')).toString('base64')
  }, 60_000)

  it('changes heads and bodies and answers requests', async () => {
    const gateway = await gatewayWith({ code, root_id: 'paper-trail', conf: 'via-sekisho' })
    const headers = { 'x-secret': '1', 'x-answer-body': 'body', 'x-answer-headers': '{"x-append":"-and-more"}' }
    const answer = await gateway.fetch('/', { headers })
    expect([answer.body, answer.headers['x-trail']]).toEqual(['body-and-more', 'via-sekisho'])
    expect(gateway.echo.requests[0].headers).toMatchObject({ 'x-trail': 'via-sekisho' })
    expect(gateway.echo.requests[0].headers).not.toHaveProperty('x-secret')
    const closed = await gateway.fetch('/closed')
    expect([closed.status, closed.body]).toEqual([410, 'the trail ends here\n'])
    expect(gateway.echo.requests).toHaveLength(1)
  })

  it('is refused when the module has no filter of that name', () => {
    expect(problemsOf(wasm, { code, root_id: 'other' })).toEqual([
      expect.stringMatching(/^\/code: the module ended itself \(proc_exit 255\)$/),
    ])
  })
})

describe('a configuration', () => {
  const binary = readFileSync(HOUSE_RULES)
  const sha256 = createHash('sha256').update(binary).digest('hex')

  it.each<[string, object, string[]]>([
    ['needs a source', {}, [': wasm needs one of "path" and "code", and not both']],
    ['has one source', { path: HOUSE_RULES, code: 'AA==' }, [': wasm needs one of "path" and "code", and not both']],
    [
      'names a file that is there',
      { path: '/no/such.wasm' },
      ["/path: cannot be read: ENOENT: no such file or directory, stat '/no/such.wasm'"],
    ],
    ['has base64', { code: '!' }, ['/code: is not base64']],
    ['has a module', { code: 'AAAA' }, ['/code: that is no WebAssembly module: it does not begin with "\\0asm"']],
    ['has a filter', { code: 'AGFzbQEAAAA=' }, ['/code: the module has no memory']],
    [
      'has the module that was meant',
      { path: HOUSE_RULES, sha256: sha256.replaceAll(/./g, '0') },
      [`/sha256: is not that of the module, which is ${sha256}`],
    ],
    [
      'is one that the filter takes',
      { path: HOUSE_RULES, conf: 'nonsense' },
      ['/conf: the filter refuses its configuration (proxy_on_configure returned false)'],
    ],
    [
      'leaves enough memory',
      { path: HOUSE_RULES, max_memory: 65_536 },
      ['/path: the module begins with 1114112 bytes of memory; the limit (max_memory) is 65536'],
    ],
    ['leaves enough time', { path: HOUSE_RULES, max_fuel: 1 }, ['/path: a callback ran for too long (max_fuel)']],
    [
      'names upstreams without paths',
      { path: HOUSE_RULES, upstreams: { a: 'http://127.0.0.1/x' } },
      ['/upstreams/a: must be "http://host:port" or "https://host:port", without a path'],
    ],
  ])('%s', (_what, config, problems) => {
    expect(problemsOf(wasm, config)).toEqual(problems)
  })

  it('that is right is taken', () => {
    expect(problemsOf(wasm, { path: HOUSE_RULES, sha256, conf: 'via=x', max_fuel: 0 })).toEqual([])
  })
})
