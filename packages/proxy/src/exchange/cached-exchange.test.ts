import { afterEach, describe, expect, it } from 'vitest'
import { cacheKey } from '../cache/cache-key.ts'
import { HttpCache } from '../cache/http-cache.ts'
import { DEFAULT_CACHE_POLICY } from '../cache/policy.ts'
import { MemoryStore } from '../cache/storage/memory-store.ts'
import { PurgeTable } from '../cache/storage/purge-table.ts'
import { peer } from '../peers/peer.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { statusOf } from './testing/raw-client.ts'
import { RawUpstream, reply } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

function cacheAt(clock: { now: number }): HttpCache {
  const purges = new PurgeTable(PurgeTable.createBuffer())
  return new HttpCache({
    store: new MemoryStore(MemoryStore.createBuffers(1_048_576, 1)),
    purges,
    now: () => clock.now,
  })
}

async function proxyWith(answer: (number: number) => string, extra: Partial<ProxyPhases<{ name: string }>> = {}) {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const cache = cacheAt(clock)
  let number = 0
  const trace: string[] = []
  const upstream = await RawUpstream.start(async (connection) => {
    for (;;) {
      await connection.request()
      connection.send(answer(++number))
    }
  })
  const proxy = await startProxy<{ name: string }>({
    newContext: (session) => ({ name: session.background ? 'background' : 'client' }),
    requestCacheFilter: (session) => ({ cache, key: cacheKey(session), policy: DEFAULT_CACHE_POLICY }),
    upstreamPeer: () => peer(upstream.address),
    logging: (session) => void trace.push(`${session.ctx.name} ${session.cacheResult}`),
    ...extra,
  })
  return { proxy, clock, trace, requests: () => number }
}

describe('a framework user', () => {
  it('answers from the cache by one phase', async () => {
    const { proxy, clock, trace, requests } = await proxyWith((number) =>
      reply(`${number}`, 'Cache-Control: max-age=10\r\n'),
    )
    const client = await proxy.connect()
    expect((await client.get('/a')).body).toBe('1')
    clock.now += 9_000
    const hit = await client.get('/a')
    expect([hit.body, hit.headers.get('age'), hit.headers.get('cache-status')]).toEqual([
      '1',
      '9',
      'Sekisho; hit; ttl=1',
    ])
    clock.now += 1_000
    expect((await client.get('/a')).body).toBe('2')
    expect(requests()).toBe(2)
    expect(trace).toEqual(['client miss', 'client hit', 'client expired'])
  })

  it('may decide otherwise, before and after', async () => {
    let verdict: 'fresh' | 'expired' | 'miss' | undefined = 'fresh'
    const { proxy, clock } = await proxyWith((number) => reply(`${number}`), {
      responseCacheFilter: () => ({
        freshMs: 1_000,
        alwaysAsk: false,
        neverStale: false,
        staleWhileRevalidateMs: 0,
        staleIfErrorMs: 0,
      }),
      cacheHitFilter: () => verdict,
    })
    const client = await proxy.connect()
    await client.get('/a')
    clock.now += 60_000
    expect((await client.get('/a')).body).toBe('1')
    verdict = 'miss'
    expect((await client.get('/a')).body).toBe('2')
    verdict = 'expired'
    expect((await client.get('/a')).body).toBe('3')
    verdict = undefined
    expect((await client.get('/a')).body).toBe('3')
  })

  it('gives the context of the request that led to it to one of the cache itself', async () => {
    const seen: string[] = []
    const { proxy, clock, trace } = await proxyWith(
      (number) => reply(`${number}`, 'Cache-Control: max-age=1, stale-while-revalidate=60\r\n'),
      { backgroundContext: (session, original) => void seen.push(`${session.ctx.name} of ${original.name}`) },
    )
    const client = await proxy.connect()
    await client.get('/a')
    clock.now += 5_000
    expect((await client.get('/a')).body).toBe('1')
    await proxy.end(3)
    expect(seen).toEqual(['background of client'])
    expect(trace).toEqual(['client miss', 'client updating', 'background expired'])
    expect((await client.get('/a')).body).toBe('2')
  })

  it.each(['cacheHitFilter', 'responseCacheFilter'] as const)('has a request fail whose %s throws', async (phase) => {
    const { proxy } = await proxyWith(() => reply('x', 'Cache-Control: max-age=10\r\n'), {
      [phase]: (session: { request: { target: string; headers: { has(name: string): boolean } } }) => {
        if (session.request.headers.has('x-bad')) throw new Error('a bug in a callback')
        return undefined
      },
    })
    const client = await proxy.connect()
    if (phase === 'cacheHitFilter') await client.get('/a')
    expect(statusOf(await client.get('/a', 'X-Bad: 1\r\n'))).toBe(500)
    const other = await proxy.connect()
    expect((await other.get('/b')).body).toBe('x')
  })

  it('has a background request end alone whose backgroundContext throws', async () => {
    const { proxy, clock } = await proxyWith(
      (number) => reply(`${number}`, 'Cache-Control: max-age=1, stale-while-revalidate=60\r\n'),
      {
        backgroundContext: () => {
          throw new Error('a bug in a callback')
        },
      },
    )
    const client = await proxy.connect()
    await client.get('/a')
    clock.now += 5_000
    expect((await client.get('/a')).body).toBe('1')
    await proxy.end(3)
    expect(proxy.messages('error')).toEqual(['backgroundContext failed: a bug in a callback'])
    expect((await client.get('/a')).body).toBe('1')
  })
})
