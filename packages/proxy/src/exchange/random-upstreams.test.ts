import { afterEach, expect, test } from 'vitest'
import { LoadBalancer } from '../balancing/index.ts'
import { peer } from '../peers/peer.ts'
import { EndedError } from './testing/byte-reader.ts'
import { bodyOf, Misbehaviour, ownersIn } from './testing/misbehaviour.ts'
import { startProxy, type ProxyUnderTest } from './testing/proxy-harness.ts'
import { statusOf } from './testing/raw-client.ts'
import { RawUpstream } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const CLIENTS = 24
const REQUESTS = 25

interface Tally {
  whole: number
  errors: number
  cuts: number
  /** Clients that saw bytes of another one. */
  readonly strangers: string[]
}

/** Asks again and again, on one connection as long as it lives, and looks at every byte. */
async function runClient(proxy: ProxyUnderTest<undefined>, index: number, tally: Tally): Promise<void> {
  let client = await proxy.connect()
  for (let round = 0; round < REQUESTS; round++) {
    const id = index * 1_000 + round
    let seen: string
    try {
      const answer = await (round % 3 === 0 ? client.post(`/${id}`, bodyOf(id, 20)) : client.get(`/${id}`))
      seen = answer.head + answer.body + answer.trailers
      const status = statusOf(answer)
      if (status === 502 || status === 504) tally.errors++
      else tally.whole++
      if (answer.headers.get('connection') === 'close') {
        seen += await client.reader.rest()
        client = await proxy.connect()
      }
    } catch (error) {
      if (!(error instanceof EndedError)) throw error
      seen = error.partial
      tally.cuts++
      client = await proxy.connect()
    }
    // An answer to an earlier request of this client would be as bad as one to another client.
    for (const owner of ownersIn(seen)) if (owner !== id) tally.strangers.push(`${id} saw ${owner}`)
  }
  client.socket.destroy()
}

test.each([1, 2, 3])('whatever upstreams do, no client sees a byte of another one (seed %d)', async (seed) => {
  const behaviour = new Misbehaviour(Number(process.env['SEKISHO_FUZZ_SEED'] ?? seed))
  const upstreams = await Promise.all(
    Array.from({ length: 2 }, () =>
      RawUpstream.start(async (connection) => {
        for (;;) {
          const { line } = await connection.request()
          await behaviour.answer(connection, Number(line.split(' ')[1]?.slice(1)))
        }
      }),
    ),
  )
  const nodes = LoadBalancer.roundRobin(upstreams.map(({ address }) => address))
  const proxy = await startProxy(
    {
      upstreamPeer: (session) => peer(nodes.select('', session.tried), { readTimeoutMs: 50 }),
      // Every other response is held back for a turn.
      responseFilter: (session) =>
        session.requestNumber % 2 === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined,
    },
    // Trusted again at once: the reuse of connections is what is tested.
    { maxRetries: 1, distrustMs: 0 },
  )
  const tally: Tally = { whole: 0, errors: 0, cuts: 0, strangers: [] }
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => runClient(proxy, index, tally)))
  expect(tally.strangers).toEqual([])
  expect(tally.whole + tally.errors + tally.cuts).toBe(CLIENTS * REQUESTS)
  // It was a test of something: of each kind there was some.
  expect(Math.min(tally.whole, tally.errors, tally.cuts)).toBeGreaterThan(0)
  expect(behaviour.kinds.size).toBe(9)
  expect(proxy.ends.length).toBe(CLIENTS * REQUESTS)
  expect(proxy.messages('error')).toEqual([])
  expect(proxy.proxy.runtime.pools.active).toBe(0)
})
