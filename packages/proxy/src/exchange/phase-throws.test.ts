import { afterEach, describe, expect, test } from 'vitest'
import { peer } from '../peers/peer.ts'
import { PHASE_NAMES, type ProxyPhases } from '../phases/phases.ts'
import type { Session } from '../session.ts'
import { EndedError } from './testing/byte-reader.ts'
import { startProxy, startProxyTo, type ProxyUnderTest } from './testing/proxy-harness.ts'
import { chunked, statusOf, type RawClient } from './testing/raw-client.ts'
import { CHUNKED_HEAD, DEAD, RawUpstream, reply } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

/** Those of a cache: cached-exchange.test.ts; of a hedge: hedging.test.ts. */
type CachePhase = 'cacheHitFilter' | 'backgroundContext' | 'responseCacheFilter' | 'hedgePeer' | 'hedgeOver'
type PhaseName = Exclude<(typeof PHASE_NAMES)[number], CachePhase>
const CACHE_PHASES: ReadonlySet<string> = new Set<CachePhase>([
  'cacheHitFilter',
  'backgroundContext',
  'responseCacheFilter',
  'hedgePeer',
  'hedgeOver',
])
const NAMES = PHASE_NAMES.filter((name) => !CACHE_PHASES.has(name)) as readonly PhaseName[]
type Reach = 'get' | 'second get' | 'post' | 'trailers' | 'refused' | 'hung up'

interface Row {
  /** What makes the phase run. */
  readonly reach: Reach
  /** What the client gets. */
  readonly status: number
  /** What the log says; the phase's name unless something else is here. */
  readonly logged?: string
  /** It may answer with a promise: one that rejects does the same. */
  readonly mayWait?: true
}

/** One row for each phase: the compiler asks for a missing one. */
const ROWS: Readonly<Record<PhaseName, Row>> = {
  newContext: { reach: 'get', status: 500 },
  onConnectionReuse: { reach: 'second get', status: 500 },
  earlyRequestFilter: { reach: 'get', status: 500, mayWait: true },
  requestFilter: { reach: 'get', status: 500, mayWait: true },
  proxyUpstreamFilter: { reach: 'get', status: 500, mayWait: true },
  requestCacheFilter: { reach: 'get', status: 500 },
  upstreamPeer: { reach: 'get', status: 500, mayWait: true },
  failToConnect: { reach: 'refused', status: 500 },
  connectedToUpstream: { reach: 'get', status: 500 },
  upstreamRequestFilter: { reach: 'get', status: 500, mayWait: true },
  requestBodyFilter: { reach: 'post', status: 500, mayWait: true },
  filtersRequestBody: { reach: 'post', status: 500 },
  upstreamResponseFilter: { reach: 'get', status: 500, logged: 'a response filter failed', mayWait: true },
  // It sees the error page, too, and fails for that as well.
  responseFilter: { reach: 'get', status: 500, logged: 'a response filter failed', mayWait: true },
  filtersResponseBody: { reach: 'get', status: 500 },
  upstreamResponseBodyFilter: { reach: 'get', status: 500, logged: 'a response body filter failed' },
  responseBodyFilter: { reach: 'get', status: 500, logged: 'a response body filter failed' },
  // The body has left: the trailers are left out, and the log says why.
  upstreamResponseTrailerFilter: { reach: 'trailers', status: 200, logged: 'a response trailer filter failed' },
  responseTrailerFilter: { reach: 'trailers', status: 200, logged: 'a response trailer filter failed' },
  errorWhileProxy: { reach: 'hung up', status: 500 },
  failToProxy: { reach: 'hung up', status: 502 },
  suppressErrorLog: { reach: 'hung up', status: 502, logged: 'the error log failed' },
  requestSummary: { reach: 'hung up', status: 502, logged: 'the error log failed' },
  logging: { reach: 'get', status: 200 },
  persistConnectionContext: { reach: 'get', status: 200 },
}

const VICTIM = '/victim'
const isVictim = (session: Session): boolean => session.request.target === VICTIM

const upstreamFor = (): Promise<RawUpstream> =>
  RawUpstream.start(async (connection) => {
    for (;;) {
      const { line, headers } = await connection.request()
      if (headers.has('x-hang-up')) connection.end()
      else if (headers.has('x-trailers')) connection.send(CHUNKED_HEAD + chunked(['body'], 'X-Sum: 1\r\n'))
      else connection.send(reply(`hello ${line.split(' ')[1]}`))
    }
  })

async function ask(client: RawClient, reach: Reach): Promise<number> {
  if (reach === 'second get') await client.get('/')
  if (reach === 'post') return statusOf(await client.post(VICTIM, 'body'))
  const fields = reach === 'trailers' ? 'X-Trailers: 1\r\n' : reach === 'hung up' ? 'X-Hang-Up: 1\r\n' : ''
  return statusOf(await client.get(VICTIM, fields))
}

async function proxyWithFault(name: PhaseName, later: boolean): Promise<ProxyUnderTest<undefined>> {
  const upstream = await upstreamFor()
  const { reach } = ROWS[name]
  const usual: ProxyPhases<undefined> = {
    upstreamPeer: (session) => peer(reach === 'refused' && isVictim(session) ? DEAD[0] : upstream.address),
    // Without these filtersRequestBody and filtersResponseBody are not asked.
    requestBodyFilter: () => undefined,
    responseBodyFilter: () => undefined,
  }
  const before = usual[name] as ((...args: unknown[]) => unknown) | undefined
  const faulty = (session: Session, ...others: unknown[]): unknown => {
    if (!isVictim(session)) return before?.(session, ...others) ?? (name === 'proxyUpstreamFilter' ? true : undefined)
    const error = new Error('a bug in a callback')
    if (!later) throw error
    return new Promise((_, reject) => setImmediate(reject, error))
  }
  return startProxy({ ...usual, [name]: faulty })
}

const CASES = NAMES.flatMap((name) =>
  ROWS[name].mayWait
    ? [
        [name, 'throws'],
        [name, 'rejects'],
      ]
    : [[name, 'throws']],
) as [PhaseName, 'throws' | 'rejects'][]

test('every phase has a row', () => {
  expect(Object.keys(ROWS).sort()).toEqual([...NAMES].sort())
})

describe.each(CASES)('%s %s', (name, how) => {
  test('the client gets its answer, the log tells, and the next request is served', async () => {
    const { reach, status, logged = `${name} failed` } = ROWS[name]
    const proxy = await proxyWithFault(name, how === 'rejects')
    const client = await proxy.connect()
    expect(await ask(client, reach)).toBe(status)
    const ends = reach === 'second get' ? 2 : 1
    await proxy.end(ends)
    expect(proxy.ends.length).toBe(ends)
    // The client learns nothing of the exception, the log everything.
    const entry = proxy.log.find(({ level, message }) => level === 'error' && message.startsWith(logged))
    expect(entry?.fields['err']).toMatchObject({ message: 'a bug in a callback' })
    const other = await proxy.connect()
    expect((await other.get('/other')).body).toBe('hello /other')
  })
})

test('a body filter that throws behind the head cuts the response, so that nobody takes it for whole', async () => {
  const upstream = await RawUpstream.start(() => undefined)
  const proxy = await startProxyTo(upstream.address, {
    responseBodyFilter: (_session, chunk) => {
      if (Buffer.from(chunk).includes('bad')) throw new Error('a bug in a callback')
    },
  })
  const client = await proxy.connect()
  client.send('GET / HTTP/1.1\r\nHost: client.test\r\n\r\n')
  const connection = await upstream.connection()
  await connection.request()
  connection.send('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ngood')
  await client.reader.until('\r\n\r\ngood')
  connection.send('bad!')
  await expect(client.reader.exactly(4)).rejects.toBeInstanceOf(EndedError)
  await connection.hungUp
  expect((await proxy.end()).error?.code).toBe('PHASE_FAILED')
})

test('a renderer that throws is replaced by the built-in one', async () => {
  const proxy = await startProxy(
    { upstreamPeer: () => peer(undefined) },
    {
      renderError: () => {
        throw new Error('a bug in a callback')
      },
    },
  )
  const client = await proxy.connect()
  const answer = await client.get()
  expect(statusOf(answer)).toBe(500)
  expect(JSON.parse(answer.body)).toEqual({ error_msg: '500 Internal Server Error', reason: 'NO_UPSTREAM' })
  expect(proxy.messages('error')).toEqual(['renderError failed: a bug in a callback'])
  client.send('GET / HTTP/1.1\r\nHost: one\r\nHost: two\r\n\r\n')
  expect(statusOf(await client.response())).toBe(400)
  expect(proxy.messages('error')).toHaveLength(2)
})

test('a failing answer is told to failToProxy once, and to logging with what came last', async () => {
  const told: string[] = []
  const proxy = await startProxy({
    upstreamPeer: () => peer(undefined),
    failToProxy: (_session, error) => void told.push(error.code),
    responseFilter: () => Promise.reject(new Error('a bug in a callback')),
  })
  const client = await proxy.connect()
  expect(statusOf(await client.get())).toBe(500)
  const { error, session } = await proxy.end()
  expect(told).toEqual(['NO_UPSTREAM'])
  expect(error?.code).toBe('PHASE_FAILED')
  expect(session.response?.status).toBe(500)
})
