import { afterEach, describe, expect, test } from 'vitest'
import { peer } from '../peers/peer.ts'
import { PHASE_NAMES, type ProxyPhases } from '../phases/phases.ts'
import { ProxyError } from '../proxy-error.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { chunked, statusOf } from './testing/raw-client.ts'
import { CHUNKED_HEAD, DEAD, RawUpstream, reply } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

type Phases = ProxyPhases<undefined>
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What tests need to reach a phase: callbacks beside the recorded ones. */
type Extra = Partial<Phases>

/** Phases that note their names. Those in `later` return a promise of what they return. */
function recording(
  address: () => string,
  trace: string[],
  extra: Extra = {},
  later: ReadonlySet<string> = new Set(),
): Phases {
  const phases: Record<string, (...args: unknown[]) => unknown> = {}
  for (const name of PHASE_NAMES) {
    const own = extra[name] as ((...args: unknown[]) => unknown) | undefined
    phases[name] = (...args: unknown[]) => {
      trace.push(name)
      const run = (): unknown => {
        if (own !== undefined) return own(...args)
        if (name === 'upstreamPeer') return peer(address())
        if (name === 'proxyUpstreamFilter' || name.startsWith('filters')) return true
        return name === 'requestSummary' ? 'the request' : undefined
      }
      return later.has(name) ? nextTurn().then(run) : run()
    }
  }
  return phases as unknown as Phases
}

const REQUEST = [
  'newContext',
  'earlyRequestFilter',
  'requestFilter',
  'proxyUpstreamFilter',
  'requestCacheFilter',
  'upstreamPeer',
]
const SENT = ['connectedToUpstream', 'upstreamRequestFilter']
const ERROR_LOG = ['suppressErrorLog', 'requestSummary']
const END = ['logging', 'persistConnectionContext']
const LOCAL = ['responseFilter', 'filtersResponseBody', 'responseBodyFilter']
const WHOLE = [
  'upstreamResponseFilter',
  'responseFilter',
  'filtersResponseBody',
  'upstreamResponseBodyFilter',
  'responseBodyFilter',
]

/** The phases that may answer with a promise (phases.ts says which). */
const MAY_WAIT = new Set([
  'earlyRequestFilter',
  'requestFilter',
  'proxyUpstreamFilter',
  'upstreamPeer',
  'upstreamRequestFilter',
  'requestBodyFilter',
  'upstreamResponseFilter',
  'responseFilter',
])

/** Every phase that some trace below went through. */
const seen = new Set<string>()
const note = (trace: readonly string[]): readonly string[] => {
  for (const name of trace) seen.add(name)
  return trace
}

describe.each([
  ['synchronous', new Set<string>()],
  ['asynchronous', MAY_WAIT],
])('the order of %s phases', (_, later) => {
  test('of a GET whose answer comes at once, and of a second one on the same connection', async () => {
    const trace: string[] = []
    const upstream = await RawUpstream.answering(() => reply('hello'))
    const proxy = await startProxy(recording(() => upstream.address, trace, {}, later))
    const client = await proxy.connect()
    expect((await client.get()).body).toBe('hello')
    await proxy.end()
    expect(note(trace.splice(0))).toEqual([...REQUEST, ...SENT, ...WHOLE, ...END])
    expect((await client.get()).body).toBe('hello')
    await proxy.end(2)
    const [first, ...others] = REQUEST
    expect(note(trace)).toEqual([first, 'onConnectionReuse', ...others, ...SENT, ...WHOLE, ...END])
  })

  test('of a request and a response with bodies and trailers in pieces', async () => {
    const trace: string[] = []
    const upstream = await RawUpstream.start(() => undefined)
    const proxy = await startProxy(recording(() => upstream.address, trace, {}, later))
    const client = await proxy.connect()
    client.send(`POST / HTTP/1.1\r\nHost: client.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(['one', 'two'])}`)
    const connection = await upstream.connection()
    expect((await connection.request()).body).toBe('onetwo')
    connection.send(CHUNKED_HEAD)
    await client.reader.until('\r\n\r\n')
    connection.send('3\r\nabc\r\n')
    expect(await client.reader.until('\r\nabc\r\n')).toBe('3\r\nabc\r\n')
    connection.send('0\r\nX-Sum: 1\r\n\r\n')
    expect(await client.reader.until('\r\n\r\n')).toBe('0\r\nX-Sum: 1\r\n\r\n')
    await proxy.end()
    expect(note(trace)).toEqual([
      ...REQUEST,
      ...SENT,
      ...['filtersRequestBody', 'requestBodyFilter', 'requestBodyFilter', 'requestBodyFilter'],
      ...['upstreamResponseFilter', 'responseFilter', 'filtersResponseBody'],
      ...['upstreamResponseBodyFilter', 'responseBodyFilter', 'upstreamResponseBodyFilter', 'responseBodyFilter'],
      ...['upstreamResponseTrailerFilter', 'responseTrailerFilter'],
      ...END,
    ])
  })

  test('of an answer of our own', async () => {
    const trace: string[] = []
    const extra: Extra = { requestFilter: (session) => session.respond(403, 'no') }
    const proxy = await startProxy(recording(() => 'unused', trace, extra, later))
    const client = await proxy.connect()
    expect((await client.get()).body).toBe('no')
    await proxy.end()
    expect(note(trace)).toEqual(['newContext', 'earlyRequestFilter', 'requestFilter', ...LOCAL, ...END])
  })

  test('of a node that refuses, and the next one', async () => {
    const trace: string[] = []
    const upstream = await RawUpstream.answering(() => reply('hello'))
    const addresses = [DEAD[0], upstream.address]
    const proxy = await startProxy(recording(() => addresses.shift() as string, trace, {}, later))
    const client = await proxy.connect()
    expect((await client.get()).body).toBe('hello')
    await proxy.end()
    expect(note(trace)).toEqual([
      ...REQUEST,
      ...['failToConnect', ...ERROR_LOG, 'upstreamPeer'],
      ...SENT,
      ...WHOLE,
      ...END,
    ])
  })

  test('of an upstream that hangs up for good', async () => {
    const trace: string[] = []
    const upstream = await RawUpstream.start(async (connection) => {
      await connection.request()
      connection.end()
    })
    const phases = recording(() => upstream.address, trace, {}, later)
    const proxy = await startProxy(phases, { maxRetries: 1 })
    const client = await proxy.connect()
    expect(statusOf(await client.get())).toBe(502)
    await proxy.end()
    expect(note(trace)).toEqual([
      ...REQUEST,
      ...SENT,
      ...['errorWhileProxy', ...ERROR_LOG, 'upstreamPeer'],
      ...SENT,
      ...['errorWhileProxy', ...ERROR_LOG, 'failToProxy'],
      ...LOCAL,
      ...END,
    ])
    expect(proxy.log.map((entry) => entry.fields['request'])).toEqual(['the request', 'the request'])
  })

  test('of a response filter that asks for another attempt', async () => {
    const trace: string[] = []
    const upstream = await RawUpstream.answering((_request, connection) => reply(`from ${connection.reader.count}`))
    let filtered = 0
    const extra: Extra = {
      upstreamResponseFilter: () => {
        if (++filtered > 1) return undefined
        const error = new ProxyError('HTTP_STATUS', 'upstream', 502, 'not this one')
        error.retry = true
        throw error
      },
    }
    const proxy = await startProxy(recording(() => upstream.address, trace, extra, later))
    const client = await proxy.connect()
    expect(statusOf(await client.get())).toBe(200)
    await proxy.end()
    expect(note(trace)).toEqual([
      ...REQUEST,
      ...SENT,
      ...['upstreamResponseFilter', 'errorWhileProxy', ...ERROR_LOG, 'upstreamPeer'],
      ...SENT,
      ...WHOLE,
      ...END,
    ])
  })
})

test('every phase of PHASE_NAMES is in one of these orders', () => {
  // Those of a cache: cached-exchange.test.ts; of a hedge: hedging.test.ts.
  const cached = new Set(['cacheHitFilter', 'backgroundContext', 'responseCacheFilter', 'hedgePeer', 'hedgeOver'])
  expect([...PHASE_NAMES].filter((name) => !seen.has(name) && !cached.has(name))).toEqual([])
})
