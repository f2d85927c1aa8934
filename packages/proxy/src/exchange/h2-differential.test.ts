import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { peer } from '../peers/peer.ts'
import { nodeClient, startNodeUpstream, type HttpVersion, type Message, type Plan } from './testing/node-peers.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const SEED = Number(process.env['SEKISHO_FUZZ_SEED'] ?? 20_261_121)
const RUNS = Number(process.env['SEKISHO_FUZZ_RUNS'] ?? 60)
/** As many at a time share a connection. */
const AT_A_TIME = 12

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

class Planner {
  private readonly random: () => number

  constructor(seed: number) {
    this.random = numbers(seed)
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit)
  }
  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]
  }

  request(number: number): Plan {
    const method = this.pick(['GET', 'GET', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'REPORT'])
    const path = this.pick(['/', '/a/b?c=d&e', '/%20%7e/', '/long/'.padEnd(500, 'x')])
    const bodyless = method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
    return this.message(`${method} ${path}`, [`x-number: ${number}`], bodyless)
  }

  response(): Plan {
    const status = this.pick(['200', '200', '200', '201', '204', '206', '304', '404', '500'])
    return this.message(status, [], status === '204' || status === '304')
  }

  private message(start: string, more: readonly string[], bodyless: boolean): Plan {
    const size = bodyless ? 0 : this.pick([0, 1, 9, 1_000, 16_384, 65_535, 65_536, 200_000, 1_048_576])
    const body = Buffer.alloc(size)
    for (let at = 0; at < size; at += 997) body[at] = this.below(256)
    const pieces: number[] = []
    const largest = this.pick([10, 5_000, 100_000, 2_000_000])
    for (let left = size; left > 0;) {
      const piece = Math.min(left, 1 + this.below(Math.max(largest, size / 200)))
      pieces.push(piece)
      left -= piece
    }
    const fields = Array.from({ length: this.below(6) }, (_, at) => `x-field-${at}: ${this.value()}`)
    const trailers =
      bodyless || this.random() < 0.6
        ? []
        : Array.from({ length: 1 + this.below(3) }, (_, at) => `x-end-${at}: ${this.value()}`)
    return {
      start,
      fields: [...more, ...fields].sort(),
      body,
      pieces,
      trailers: trailers.sort(),
      withLength: this.random() < 0.5,
    }
  }

  private value(): string {
    return this.pick(['', 'a', 'some words', 'a, b;c="d"', 'v'.repeat(1 + this.below(2_000)), String(this.below(1e9))])
  }
}

/** Short enough to be read in a failure. */
const digest = ({ start, fields, body, trailers }: Message) => ({
  start,
  fields,
  trailers,
  size: body.length,
  hash: createHash('sha1').update(body).digest('hex'),
})

const VERSIONS: readonly HttpVersion[] = ['h1', 'h2']
const combinations = VERSIONS.flatMap((client) => VERSIONS.map((upstream) => [client, upstream] as const))

describe('between a client and an upstream of Node.js', () => {
  it.each(combinations)(`%s to %s: what is sent is what arrives (seed ${SEED})`, async (client, version) => {
    const planner = new Planner(SEED)
    const requests = Array.from({ length: RUNS }, (_, number) => planner.request(number))
    const responses = requests.map(() => planner.response())
    const { address, received } = await startNodeUpstream(version, responses)
    const target = peer(address, { protocol: version === 'h2' ? 'h2' : 'http/1.1' })
    const proxy = await startProxy({ upstreamPeer: () => target })
    const sender = nodeClient(client, proxy.port)
    for (let from = 0; from < RUNS; from += AT_A_TIME) {
      await Promise.all(
        requests.slice(from, from + AT_A_TIME).map(async (plan, at) => {
          const number = from + at
          const answer = await sender.send(plan)
          const wanted = responses[number]
          const head = plan.start.startsWith('HEAD ')
          const expected = head ? { ...wanted, body: Buffer.alloc(0), trailers: [] } : wanted
          expect({ number, ...digest(received[number]) }).toEqual({ number, ...digest(plan) })
          expect({ number, ...digest(answer) }).toEqual({ number, ...digest(expected) })
        }),
      )
    }
    // A client may have all of a response before the upstream has said that it ends.
    await vi.waitUntil(() => proxy.ends.length >= RUNS)
    // Small, or a failure would print the whole exchange.
    const failed = proxy.ends.filter((end) => end.error !== undefined)
    expect(failed.map(({ session, error }) => [session.request.headers.get('x-number'), error?.message])).toEqual([])
    expect(proxy.ends).toHaveLength(RUNS)
  })
})
