import { afterEach, describe, expect, it } from 'vitest'
import { definePlugin, Type } from '../index.ts'
import {
  echo,
  mountPlugin,
  openGateway,
  type PluginUnderTest,
  runPlugin,
  startGateway,
  startUpstream,
  TestClock,
  type UpstreamAnswer,
} from './index.ts'

const blockAgents = definePlugin({
  name: 'block-agents',
  priority: 2500,
  schema: Type.Object(
    { deny: Type.Array(Type.String()), code: Type.Integer({ minimum: 400, default: 403 }) },
    { additionalProperties: false },
  ),
  check: ({ deny }) => (deny.includes('') ? { path: '/deny', message: 'an empty text is in every agent' } : undefined),
  create({ deny, code }) {
    const denied = new Set(deny)
    return {
      access: (session) => {
        if (denied.has(session.request.headers.get('user-agent') ?? '')) session.respond(code, { message: 'go away' })
      },
    }
  },
})

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

const open: PluginUnderTest[] = []
const mounted = (async (plugin: string, config, options) => {
  const one = await mountPlugin(plugin, config, options)
  open.push(one)
  return one
}) as typeof mountPlugin
afterEach(async () => {
  for (const plugin of open.splice(0)) await plugin.close()
})

describe('runPlugin', () => {
  it('gives the answer of the plugin, and tells that no upstream was asked', async () => {
    const request = { headers: { 'User-Agent': 'BadBot/1.0' } }
    const run = await runPlugin(blockAgents, { deny: ['BadBot/1.0'] }, { request })
    expect([run.status, run.json(), run.upstreamRequest]).toEqual([403, { message: 'go away' }, undefined])
    expect(run.headers['content-type']).toBe('application/json')
  })

  it('gives what the upstream got, and what it answered', async () => {
    const request = { method: 'PUT', path: '/a?b=1', headers: { 'X-Two': ['1', '2'] }, body: 'ä', host: 'Shop.example' }
    const run = await runPlugin(blockAgents, { deny: [] }, { request, upstream: { status: 201, body: { id: 7 } } })
    expect([run.status, run.json()]).toEqual([201, { id: 7 }])
    expect(run.upstreamRequest).toMatchObject({ address: 'upstream.test:80', method: 'PUT', url: '/a?b=1', body: 'ä' })
    expect(run.upstreamRequest?.headers).toMatchObject({ 'x-two': '1, 2', 'content-length': '2', host: 'Shop.example' })
    expect(run.session.ctx.host).toBe('shop.example')
  })

  it.each([
    [{}, '"deny" is missing'],
    [{ deny: [], code: 200 }, '/routes/0/plugins/block-agents/code  200: must be at least 400'],
    [{ deny: [''] }, '/routes/0/plugins/block-agents/deny  [""]: an empty text is in every agent'],
    [{ deny: [], agents: [] }, 'agents'],
  ])('refuses %j as the gateway does', async (config, message) => {
    const refusal = await runPlugin(blockAgents, config).catch((error: unknown) => error as Error)
    expect(refusal).toBeInstanceOf(Error)
    expect((refusal as Error).message).toContain(message)
    // The same text as a gateway that reads this file.
    expect((refusal as Error).message).toMatch(/^sekisho\.yaml:\d+:\d+ {2}/)
  })

  it('runs with consumers, metadata, other plugins, another route and the rest of a configuration', async () => {
    const who = definePlugin({
      name: 'who',
      priority: 1,
      schema: Type.Object({}),
      metadataSchema: Type.Object({ greeting: Type.String({ default: 'hello' }), mark: Type.String() }),
      create: (_config, { metadata, scope }) => ({
        access(session) {
          const { consumer, uriParams } = session.ctx
          const said = [metadata.greeting, consumer?.username, uriParams?.['id'], metadata.mark, scope]
          session.respond(200, said.join(' '))
        },
      }),
    })
    const run = await runPlugin(
      who,
      {},
      {
        consumers: [{ username: 'jack', plugins: { 'key-auth': { key: 'k' } } }],
        metadata: { mark: '!' },
        beside: { 'key-auth': {} },
        route: { id: 'one', uri: '/orders/:id' },
        document: { services: [{ id: 'unused', upstream: { nodes: { '127.0.0.1:1': 1 } } }] },
        request: { path: '/orders/7', headers: { apikey: 'k' } },
      },
    )
    expect(run.body).toBe('hello jack 7 ! routes/one')
    expect(run.session.ctx.consumer?.username).toBe('jack')
  })

  it('shows logs and hides what a plugin throws from the client', async () => {
    const broken = definePlugin({
      name: 'broken',
      priority: 1,
      schema: Type.Object({}),
      create: (_config, { logger }) => {
        logger.warn({ at: 1 }, 'made')
        return {
          rewrite() {
            throw new Error('secret')
          },
        }
      },
    })
    const run = await runPlugin(broken, {})
    expect([run.status, run.body.includes('secret')]).toEqual([500, false])
    expect(run.logs.map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'made'],
      ['error', expect.stringContaining('requestFilter')],
    ])
  })
})

describe('bodies', () => {
  const both = (keep: Uint8Array[] = []) =>
    definePlugin({
      name: 'both',
      priority: 1,
      schema: Type.Object({}),
      create: () => ({
        access: ({ request }) => void request.headers.delete('content-length'),
        requestBody: (_session, chunk, end) => (end ? Buffer.from('.') : Buffer.from(`<${text(chunk)}>`)),
        headerFilter: ({ response }) => void response?.headers.delete('content-length'),
        bodyFilter: (_session, chunk, end) => {
          keep.push(chunk)
          return Buffer.from(end ? `${text(chunk)};` : `(${text(chunk)})`)
        },
      }),
    })

  it('go through the filters piece by piece', async () => {
    const upstream = { body: ['1', '2', '3'], trailers: { 'X-Sum': '6' } }
    const run = await runPlugin(both(), {}, { upstream, request: { method: 'POST', body: ['a', 'b'] } })
    expect(run.upstreamRequest?.pieces.map(String)).toEqual(['<a>', '<b>', '.'])
    expect(run.pieces.map(String)).toEqual(['(1)', '(2)', '(3)', ';'])
    expect(run.trailers).toEqual({ 'x-sum': '6' })
  })

  it('are not the plugin’s to keep: a piece is used for others when the call is over', async () => {
    const kept: Uint8Array[] = []
    await runPlugin(both(kept), {}, { upstream: { body: ['123', '456'] } })
    expect(kept.map((piece) => Buffer.from(piece).toString())).toEqual(['###', '###', ''])
  })

  it('can be read whole, with a limit', async () => {
    const reader = definePlugin({
      name: 'reader',
      priority: 1,
      schema: Type.Object({}),
      create: () => ({
        async access(session) {
          session.replaceBody(Buffer.from((await session.readBody(4)).toString().toUpperCase()))
        },
      }),
    })
    const plugin = await mounted(reader, {})
    const send = (body: string | string[]) => plugin.run({ method: 'POST', body })
    expect((await send(['ab', 'c'])).upstreamRequest?.body).toBe('ABC')
    expect((await send('abcde')).status).toBe(413)
    expect((await send(['abc', 'de'])).status).toBe(413)
  })
})

describe('mountPlugin', () => {
  const counting = definePlugin({
    name: 'counting',
    priority: 1,
    schema: Type.Object({ from: Type.Integer({ default: 0 }) }),
    create({ from }, { metrics, counters, scope, logger }) {
      let requests = from
      const own = counters.scope(scope)
      const definition = { name: 'test_requests', help: 'x', type: 'counter', labels: ['path'] } as const
      return {
        access(session) {
          const slot = counters.acquire(own, session.ctx.remoteAddr, Date.now())
          counters.release(slot)
          metrics.counter(definition, { path: session.ctx.path }).add(1)
          session.respond(200, String(++requests))
        },
        dispose: () => logger.info({ requests }, 'let go'),
      }
    },
  })

  it('keeps one instance for several requests, until it is configured anew', async () => {
    const plugin = await mounted(counting, {})
    expect([(await plugin.run()).body, (await plugin.run({ path: '/b' })).body]).toEqual(['1', '2'])
    await plugin.configure({ from: 10 })
    expect((await plugin.run()).body).toBe('11')
    expect(plugin.gateway.logs).toEqual([{ level: 'info', message: 'let go', fields: { requests: 2 } }])
    await expect(plugin.configure({ from: 'ten' })).rejects.toThrow('/routes/0/plugins/counting/from')
    expect((await plugin.run()).body).toBe('12')
    await plugin.close()
    expect(plugin.gateway.logs.at(-1)?.fields).toEqual({ requests: 12 })
    open.pop()
  })

  it('counts metrics', async () => {
    const plugin = await mounted(counting, {})
    for (const path of ['/a', '/a', '/b']) await plugin.run({ path })
    expect(await plugin.metric('test_requests')).toBe(3)
    expect(await plugin.metric('test_requests', { path: '/a' })).toBe(2)
    expect(await plugin.metric('other')).toBe(0)
  })

  it('says who the client is', async () => {
    const gateway = await openGateway({
      routes: [{ uri: '/*', plugins: { mocking: { response_example: '$remote_addr $scheme $host' } } }],
    })
    const options = { remoteAddress: '203.0.113.9', protocol: 'HTTP/2.0' } as const
    const run = await gateway.fetch('https://shop.example/x', options)
    expect([run.body.trim(), run.session.protocol]).toEqual(['203.0.113.9 https shop.example', 'HTTP/2.0'])
    await gateway.close()
  })

  it('tells of a client that leaves', async () => {
    const ended: number[] = []
    const plugin = await mounted(
      definePlugin({
        name: 'waiting',
        priority: 1,
        schema: Type.Object({}),
        create: () => ({
          access: () => new Promise(() => undefined),
          log: ({ response }) => void ended.push(response?.status ?? 0),
        }),
      }),
      {},
    )
    const leaving = new AbortController()
    const answer = plugin.run({ signal: leaving.signal })
    leaving.abort()
    await expect(answer).rejects.toThrow('the client left')
    expect(ended).toEqual([0])
  })

  it.each([
    ['CONNECT_REFUSED', 502],
    ['RESET', 502],
    ['READ_TIMEOUT', 504],
  ] as const)('has upstreams that fail: %s', async (fails, status) => {
    const answer = await runPlugin(blockAgents, { deny: [] }, { upstream: { fails }, request: { method: 'POST' } })
    expect(answer.status).toBe(status)
  })

  it('asks again after a failure', async () => {
    let asked = 0
    const upstream = (): UpstreamAnswer => (++asked < 3 ? { fails: 'CONNECT_REFUSED' } : { body: 'at last' })
    const route = { upstream: { nodes: { 'a.test:80': 1, 'b.test:80': 1, 'c.test:80': 1 } } }
    const run = await runPlugin(blockAgents, { deny: [] }, { upstream, route })
    expect([run.body, asked]).toEqual(['at last', 3])
  })
})

describe('a test clock', () => {
  it('lets time pass for plugins, limits and dates', async () => {
    const clock = new TestClock('2031-02-03T04:05:06Z')
    try {
      const slow = definePlugin({
        name: 'slow',
        priority: 2000,
        schema: Type.Object({}),
        create: () => ({ access: () => new Promise<void>((resolve) => setTimeout(resolve, 5_000)) }),
      })
      const limit = { 'limit-count': { count: 1, time_window: 60, key: 'remote_addr', rejected_code: 429 } }
      const plugin = await mounted(slow, {}, { beside: limit })
      const statusAfter = async (ms: number): Promise<number> => {
        let status = 0
        const answer = plugin.run().then((run) => (status = run.status))
        await clock.pass(ms - 1)
        expect(status).toBe(0)
        await clock.pass(1)
        return answer
      }
      expect([await statusAfter(5_000), await statusAfter(5_000)]).toEqual([200, 429])
      await clock.pass(60_000)
      expect(await statusAfter(5_000)).toBe(200)
      expect(new Date().toISOString()).toBe('2031-02-03T04:06:21.000Z')
    } finally {
      clock.restore()
    }
    expect(Math.abs(Date.now() - new Date().getTime())).toBeLessThan(1_000)
  })

  it('runs intervals, and what is cleared not', async () => {
    const clock = new TestClock(0)
    try {
      const seen: string[] = []
      const interval = setInterval(() => void seen.push(`i${Date.now()}`), 100)
      const timeout = setTimeout((text: string) => void seen.push(text), 150, 'once')
      const never = setTimeout(() => void seen.push('never'), 120)
      clearTimeout(never)
      timeout.refresh()
      await clock.pass(200)
      clearInterval(interval)
      await clock.pass(1_000)
      expect(seen).toEqual(['i100', 'once', 'i200'])
    } finally {
      clock.restore()
    }
  })
})

describe('startGateway', () => {
  it('is the same on a socket, from the text of a file', async () => {
    const upstream = await startUpstream()
    const yaml = (code: number): string => `
routes:
  - uri: /*
    upstream: http://${upstream.address}
    plugins:
      block-agents: { deny: [Bad, "\${{AGENT}}"], code: ${code} }
`
    const gateway = await startGateway(yaml(451), { plugins: [blockAgents], environment: { AGENT: 'Worse' } })
    try {
      const status = async (agent: string) => (await gateway.fetch('/', { headers: { 'User-Agent': agent } })).status
      expect([await status('Bad'), await status('Worse'), await status('Good')]).toEqual([451, 451, 200])
      expect(upstream.requests).toHaveLength(1)
      expect((await fetch(`${gateway.url}/x`)).status).toBe(200)
      await expect(gateway.update(yaml(99))).rejects.toThrow('sekisho.yaml:6:')
      await gateway.update(yaml(410))
      expect(await status('Bad')).toBe(410)
    } finally {
      await gateway.close()
      await upstream.close()
    }
  })

  it('sends bodies in pieces, and upstreams answer so', async () => {
    const upstream = await startUpstream((request) => (request.url === '/echo' ? echo(request) : { body: ['a', 'b'] }))
    const gateway = await startGateway({ routes: [{ uri: '/*', upstream: `http://${upstream.address}` }] })
    try {
      const answer = await gateway.fetch('/echo', { method: 'POST', body: ['x', 'y'] })
      expect(answer.json()).toMatchObject({ body: 'xy', method: 'POST' })
      expect((await gateway.fetch('/')).body).toBe('ab')
    } finally {
      await gateway.close()
      await upstream.close()
    }
  })
})
