import { afterEach, describe, expect, test, vi } from 'vitest'
import { peer } from '../peers/peer.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import { startProxy, type ProxyUnderTest } from './testing/proxy-harness.ts'
import { statusOf } from './testing/raw-client.ts'
import { CHUNKED_HEAD, DEAD, RawUpstream, reply, type UpstreamConnection } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

/** Reads requests, and leaves the answer to the test. */
class Held {
  readonly upstream: RawUpstream
  private readonly asked: UpstreamConnection[] = []
  private wake: (() => void) | undefined

  constructor(upstream: RawUpstream) {
    this.upstream = upstream
  }

  static async start(): Promise<Held> {
    const tell: { held?: Held } = {}
    const upstream = await RawUpstream.start(async (connection) => {
      for (;;) {
        await connection.request()
        tell.held?.take(connection)
      }
    })
    return (tell.held = new Held(upstream))
  }

  get requests(): number {
    return this.asked.length
  }

  async request(number = 1): Promise<UpstreamConnection> {
    while (this.asked.length < number) await new Promise<void>((resolve) => (this.wake = resolve))
    return this.asked[number - 1]
  }

  private take(connection: UpstreamConnection): void {
    this.asked.push(connection)
    this.wake?.()
  }
}

interface Hedged {
  readonly proxy: ProxyUnderTest<undefined>
  /** `address won` or `address lost [code]`. */
  readonly ends: string[]
}

/** A proxy whose requests go to `first`, and after 5 ms to the others in turn. */
async function hedged(
  first: string,
  others: readonly string[],
  phases: Partial<ProxyPhases<undefined>> = {},
  afterMs = 5,
): Promise<Hedged> {
  const ends: string[] = []
  const proxy = await startProxy({
    upstreamPeer: (session) => {
      session.hedge(afterMs, others.length)
      return peer(session.attempts === 1 ? first : DEAD[1])
    },
    hedgePeer: () => {
      const address = others[asked++]
      return address === undefined ? undefined : peer(address)
    },
    hedgeOver: (_, one, won, error) =>
      void ends.push(`${one.name} ${won ? 'won' : 'lost'} ${error?.code ?? ''}`.trim()),
    ...phases,
  })
  let asked = 0
  return { proxy, ends }
}

describe('a request that waits', () => {
  test('goes to another node, too: the first head is the answer, and the other one is given up', async () => {
    const slow = await Held.start()
    const fast = await RawUpstream.answering(() => reply('fast'))
    const { proxy, ends } = await hedged(slow.upstream.address, [fast.address])
    const client = await proxy.connect()
    expect((await client.get()).body).toBe('fast')
    await (
      await slow.request()
    ).hungUp
    const { session, error } = await proxy.end()
    expect([error, session.peer?.name, session.attempts]).toEqual([undefined, fast.address, 1])
    expect(ends).toEqual([`${fast.address} won`])
    expect(proxy.proxy.runtime.pools.active).toBe(0)
    expect(proxy.proxy.runtime.pools.idle).toBe(1)
  })

  test('is answered by the first node when that is faster after all', async () => {
    const [slow, other] = [await Held.start(), await Held.start()]
    const { proxy, ends } = await hedged(slow.upstream.address, [other.upstream.address])
    const client = await proxy.connect()
    const answer = client.get()
    const hedge = await other.request()
    ;(await slow.request()).send(reply('slow'))
    expect((await answer).body).toBe('slow')
    await hedge.hungUp
    expect(ends).toEqual([`${other.upstream.address} lost`])
    expect((await proxy.end()).session.peer?.name).toBe(slow.upstream.address)
    expect(proxy.proxy.runtime.pools.active).toBe(0)
  })

  test('gets a body in pieces, with trailers, from the hedge', async () => {
    const slow = await Held.start()
    const other = await Held.start()
    const { proxy } = await hedged(slow.upstream.address, [other.upstream.address])
    const client = await proxy.connect()
    const answer = client.get()
    const hedge = await other.request()
    await hedge.sendAll(CHUNKED_HEAD)
    await (
      await slow.request()
    ).hungUp
    hedge.send('3\r\nabc\r\n')
    hedge.send('3\r\ndef\r\n0\r\n\r\n')
    expect((await answer).body).toBe('abcdef')
  })

  test('is answered by the hedge when the first node fails', async () => {
    const [slow, other] = [await Held.start(), await Held.start()]
    const failures: string[] = []
    const { proxy, ends } = await hedged(slow.upstream.address, [other.upstream.address], {
      errorWhileProxy: (_, one, error) => void failures.push(`${one.name} ${error.code} ${error.replaced}`),
    })
    const client = await proxy.connect()
    const answer = client.get()
    const hedge = await other.request()
    ;(await slow.request()).reset()
    await vi.waitUntil(() => ends.length === 1, { interval: 1 })
    hedge.send(reply('other'))
    expect((await answer).body).toBe('other')
    expect(failures).toEqual([`${slow.upstream.address} RESET true`])
    expect(ends).toEqual([`${other.upstream.address} won`])
    const { session } = await proxy.end()
    expect([session.attempts, session.peer?.name]).toEqual([1, other.upstream.address])
  })

  test('takes no notice of a hedge that fails', async () => {
    const slow = await Held.start()
    const { proxy, ends } = await hedged(slow.upstream.address, [DEAD[0]])
    const client = await proxy.connect()
    const answer = client.get()
    await vi.waitUntil(() => ends.length === 1, { interval: 1 })
    ;(await slow.request()).send(reply('slow'))
    expect((await answer).body).toBe('slow')
    expect(ends).toEqual([`${DEAD[0]} lost CONNECT_REFUSED`])
  })

  test('goes to as many nodes as it may, one after the other', async () => {
    const [slow, one, two] = [await Held.start(), await Held.start(), await Held.start()]
    const { proxy, ends } = await hedged(slow.upstream.address, [one.upstream.address, two.upstream.address])
    const client = await proxy.connect()
    const answer = client.get()
    await one.request()
    ;(await two.request()).send(reply('two'))
    expect((await answer).body).toBe('two')
    await (
      await one.request()
    ).hungUp
    await (
      await slow.request()
    ).hungUp
    expect(ends.toSorted()).toEqual([`${one.upstream.address} lost`, `${two.upstream.address} won`].toSorted())
  })

  test('leaves with its client, and all that was asked is told', async () => {
    const [slow, other] = [await Held.start(), await Held.start()]
    const { proxy, ends } = await hedged(slow.upstream.address, [other.upstream.address])
    const client = await proxy.connect()
    void client.get().catch(() => undefined)
    const hedge = await other.request()
    client.reset()
    await hedge.hungUp
    await (
      await slow.request()
    ).hungUp
    await proxy.end()
    expect(ends).toEqual([`${other.upstream.address} lost`])
    expect(proxy.proxy.runtime.pools.active).toBe(0)
  })
})

test.each(['hedgePeer', 'hedgeOver'] as const)('%s that throws is logged, and that is all', async (phase) => {
  const slow = await Held.start()
  const other = await RawUpstream.answering(() => reply('other'))
  const { proxy } = await hedged(slow.upstream.address, [other.address], {
    [phase]: () => {
      throw new Error('oops')
    },
  })
  const client = await proxy.connect()
  const answer = client.get()
  const first = await slow.request()
  await vi.waitUntil(() => proxy.log.length > 0, { interval: 1 })
  if (phase === 'hedgePeer') first.send(reply('slow'))
  expect((await answer).body).toBe(phase === 'hedgePeer' ? 'slow' : 'other')
  expect(proxy.messages('error')).toEqual([`${phase} failed: oops`])
})

test('only safe requests without a body are hedged', async () => {
  const slow = await Held.start()
  let asked = 0
  const { proxy } = await hedged(
    slow.upstream.address,
    [DEAD[0]],
    {
      hedgePeer: () => {
        asked++
        return undefined
      },
    },
    1,
  )
  const client = await proxy.connect()
  for (const [number, send] of [
    () => client.post('/', 'body'),
    () => (client.send('DELETE / HTTP/1.1\r\nHost: a\r\n\r\n'), client.response()),
    () => (client.send('GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab'), client.response()),
  ].entries()) {
    const answer = send()
    const connection = await slow.request(number + 1)
    // Long enough for any hedge.
    await new Promise((resolve) => setTimeout(resolve, 5))
    connection.send(reply('done'))
    expect(statusOf(await answer)).toBe(200)
  }
  expect(asked).toBe(0)
})
