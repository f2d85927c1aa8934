import { afterEach, expect, it } from 'vitest'
import { cacheKey } from '../cache/cache-key.ts'
import { HttpCache } from '../cache/http-cache.ts'
import { DEFAULT_CACHE_POLICY } from '../cache/policy.ts'
import { MemoryStore } from '../cache/storage/memory-store.ts'
import { PurgeTable } from '../cache/storage/purge-table.ts'
import { peer } from '../peers/peer.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { statusOf } from './testing/raw-client.ts'
import { RawUpstream } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

/** mulberry32. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

/** What the upstream says of each path, and a new version of it whenever it is asked to change. */
interface Resource {
  version: number
  readonly maxAge: number
  readonly validator: boolean
  readonly vary: boolean
  readonly directive: string
}

/** A stored response of the model: what was said, when, to which variant. */
interface Kept {
  readonly body: string
  readonly at: number
}

/**
 * A cache as simple as it can be: one map, no bounds, one rule after the other. Requests come one at a time, so that it can be said beforehand what each of
 * them is answered.
 */
class ModelCache {
  private readonly kept = new Map<string, Kept>()

  /** @param fetch what the upstream would answer now */
  answer(request: Asked, resource: Resource, now: number, fetch: () => string): { body: string; asked: boolean } {
    const key = `${request.path} ${resource.vary ? request.variant : ''}`
    if (request.method === 'POST') {
      for (const known of this.kept.keys()) if (known.startsWith(`${request.path} `)) this.kept.delete(known)
      return { body: fetch(), asked: true }
    }
    if (request.directive === 'no-store') return { body: fetch(), asked: true }
    const kept = this.kept.get(key)
    const age = kept === undefined ? 0 : (now - kept.at) / SECOND
    const fresh = kept !== undefined && age < resource.maxAge
    const wanted =
      request.directive === 'no-cache'
        ? false
        : request.directive.startsWith('max-age=')
          ? fresh && age <= Number(request.directive.slice(8))
          : fresh
    if (kept !== undefined && wanted) return { body: kept.body, asked: false }
    const body = fetch()
    if (resource.directive === 'no-store' || resource.directive === 'private') this.kept.delete(key)
    else if (resource.maxAge > 0 || resource.validator) this.kept.set(key, { body, at: now })
    return { body, asked: true }
  }

  /** The real one had lost it, and has it anew. */
  lost(request: Asked, resource: Resource, now: number, body: string): void {
    this.kept.set(`${request.path} ${resource.vary ? request.variant : ''}`, { body, at: now })
  }

  purge(path: string): void {
    for (const known of this.kept.keys()) if (known.startsWith(`${path} `)) this.kept.delete(known)
  }
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly variant: string
  readonly directive: string
}

const PATHS = 12
const SECOND = 1_000

async function simulate(seed: number, rounds: number, storeBytes: number, exact: boolean): Promise<void> {
  const next = random(seed)
  const pick = <T>(list: readonly T[]): T => list[next(list.length)]
  const resources = new Map<string, Resource>()
  for (let at = 0; at < PATHS; at++)
    resources.set(`/${at}`, {
      version: 0,
      maxAge: pick([0, 5, 20, 60]),
      validator: next(2) === 0,
      vary: next(3) === 0,
      directive: pick(['', '', '', 'public', 'no-store', 'private', 'must-revalidate']),
    })
  const contentOf = (path: string, variant: string): string => {
    const resource = resources.get(path) as Resource
    // Sizes from nothing to more than one piece of a large body.
    const size = (Number(path.slice(1)) * 37 + resource.version * 11_000) % 90_000
    return `${path} v${resource.version} ${resource.vary ? variant : ''} `.padEnd(size, '.')
  }

  let asked = 0
  const upstream = await RawUpstream.start(async (connection) => {
    for (;;) {
      const request = await connection.request()
      asked++
      const [method, path] = request.line.split(' ')
      const resource = resources.get(path) as Resource
      const variant = request.headers.get('x-variant') ?? ''
      const etag = `"${resource.version}-${resource.vary ? variant : ''}"`
      const control = [resource.directive, `max-age=${resource.maxAge}`].filter((one) => one !== '').join(', ')
      const fields = `Cache-Control: ${control}\r\n${resource.validator ? `ETag: ${etag}\r\n` : ''}${resource.vary ? 'Vary: X-Variant\r\n' : ''}`
      const body = contentOf(path, variant)
      if (method !== 'POST' && resource.validator && request.headers.get('if-none-match') === etag)
        connection.send(`HTTP/1.1 304 Not Modified\r\n${fields}\r\n`)
      else connection.send(`HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`)
    }
  })
  const clock = { now: Date.UTC(2026, 0, 1) }
  const purges = new PurgeTable(PurgeTable.createBuffer())
  const buffers = MemoryStore.createBuffers(storeBytes, 2)
  // Two workers over one store: what one of them stores, changes or purges, the other sees.
  const caches = [0, 1].map(
    (worker) =>
      new HttpCache({ store: new MemoryStore(buffers, worker), purges, now: () => clock.now, localBytes: 100_000 }),
  )
  const clients = await Promise.all(
    caches.map(async (cache) => {
      const proxy = await startProxy({
        requestCacheFilter: (session) => ({
          cache,
          key: cacheKey(session),
          keyFor: () => cacheKey(session),
          policy: DEFAULT_CACHE_POLICY,
        }),
        upstreamPeer: () => peer(upstream.address),
      })
      return { client: await proxy.connect(), proxy }
    }),
  )
  const host = 'proxy.test'
  const model = new ModelCache()
  let hits = 0
  for (let round = 0; round < rounds; round++) {
    clock.now += next(4) * SECOND
    const path = `/${next(PATHS)}`
    const resource = resources.get(path) as Resource
    const request: Asked = {
      method: next(25) === 0 ? 'POST' : 'GET',
      path,
      variant: pick(['a', 'b', 'c']),
      directive: pick(['', '', '', '', 'no-cache', 'no-store', 'max-age=3', 'max-age=30']),
    }
    if (next(15) === 0) {
      resource.version++
      if (next(2) === 0) {
        model.purge(path)
        await caches[next(2)].purgeKey(`http://${host}${path}`)
      }
    }
    const { client } = clients[next(2)]
    const before = asked
    const expected = model.answer(request, resource, clock.now, () => contentOf(path, request.variant))
    const fields = `Host: ${host}\r\nX-Variant: ${request.variant}\r\n${request.directive === '' ? '' : `Cache-Control: ${request.directive}\r\n`}`
    client.send(
      request.method === 'POST'
        ? `POST ${path} HTTP/1.1\r\n${fields}Content-Length: 1\r\n\r\nx`
        : `GET ${path} HTTP/1.1\r\n${fields}\r\n`,
    )
    const got = await client.response()
    const where = `seed ${seed}, round ${round}: ${request.method} ${path} ${request.directive} ${JSON.stringify(resource)}`
    expect(statusOf(got), where).toBe(200)
    const wasAsked = asked > before
    // A small store may have lost what the model has: then the upstream is asked, and has the newest.
    if (exact || !wasAsked) {
      expect(got.body, where).toBe(expected.body)
      expect(wasAsked, where).toBe(expected.asked)
    } else expect(got.body, where).toBe(contentOf(path, request.variant))
    if (!exact && wasAsked && !expected.asked) model.lost(request, resource, clock.now, got.body)
    if (!wasAsked) hits++
    // What is stored behind the answer is there before the next request.
    for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(hits).toBeGreaterThan(rounds / 100)
}

it.each([1, 2, 3, 4, 5, 6])('answers as a cache as simple as it can be (seed %i)', (seed) =>
  simulate(seed, 400, 16 << 20, true),
)

it.each([7, 8, 9])('never answers anything else where a store is too small for all (seed %i)', (seed) =>
  simulate(seed, 400, 700_000, false),
)

it('answers as that one also with a seed of its own', () => simulate(Date.now() & 0xffffff, 400, 16 << 20, true))
