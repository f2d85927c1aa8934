import { constants, createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { peer } from '../peers/peer.ts'
import { nodeClient, type HttpVersion, type Plan } from './testing/node-peers.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { releaseAll, releaseLater } from './testing/resources.ts'

afterEach(releaseAll)

const AT_A_TIME = 8
const plan = (number: number): Plan => ({
  start: 'GET /',
  fields: [`x-number: ${number}`],
  body: Buffer.alloc(0),
  pieces: [],
  trailers: [],
  withLength: false,
})

/** A node over HTTP/2 that answers when it is told to: at once, or never. */
class Node {
  readonly name: string
  readonly target: ReturnType<typeof peer>
  readonly open = new Set<ServerHttp2Stream>()
  /** Error codes of the streams that the proxy gave up. */
  readonly resets: number[] = []
  sessions = 0

  private constructor(name: string, port: number) {
    this.name = name
    this.target = peer(`127.0.0.1:${port}`, { protocol: 'h2' })
  }

  static async start(name: string, answers: boolean): Promise<Node> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    releaseLater(() => void server.close())
    const node = new Node(name, (server.address() as AddressInfo).port)
    server.on('session', (session) => {
      node.sessions++
      releaseLater(() => session.destroy())
    })
    server.on('stream', (stream) => {
      node.open.add(stream)
      stream.on('error', () => undefined)
      stream.on('close', () => {
        node.open.delete(stream)
        if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) node.resets.push(stream.rstCode)
      })
      if (answers) node.answer(stream)
    })
    return node
  }

  answer(stream: ServerHttp2Stream): void {
    stream.respond({ ':status': 200 })
    stream.end(this.name)
  }
}

async function hedged(first: Node, other: Node, version: HttpVersion) {
  const proxy = await startProxy({
    upstreamPeer: (session) => {
      session.hedge(5, 1)
      return first.target
    },
    hedgePeer: () => other.target,
  })
  const client = nodeClient(version, proxy.port)
  const send = async (number: number): Promise<string> => {
    const { start, body } = await client.send(plan(number))
    return `${start} ${body.toString()}`
  }
  return { proxy, send }
}

describe.each<HttpVersion>(['h1', 'h2'])('a request of %s that waits for a node over HTTP/2', (version) => {
  it('is answered by another one, and its stream alone is given up', async () => {
    const [slow, fast] = [await Node.start('slow', false), await Node.start('fast', true)]
    const { proxy, send } = await hedged(slow, fast, version)
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: AT_A_TIME }, (_, at) => send(at)))
      expect(answers).toEqual(answers.map(() => '200 fast'))
    }
    await vi.waitUntil(() => slow.open.size === 0 && slow.resets.length === 3 * AT_A_TIME)
    expect(new Set(slow.resets)).toEqual(new Set([constants.NGHTTP2_CANCEL]))
    // Of the first round each request may have found no connection yet that has room; none was closed for a hedge.
    expect(slow.sessions).toBeLessThanOrEqual(AT_A_TIME)
    await vi.waitUntil(() => proxy.ends.length === 3 * AT_A_TIME)
    expect(proxy.ends.map(({ session, error }) => [session.peer?.name, error])).toEqual(
      proxy.ends.map(() => [fast.target.name, undefined]),
    )
    expect(proxy.proxy.runtime.pools.active).toBe(0)
  })

  it('is answered by its own node when that is faster after all', async () => {
    const [own, other] = [await Node.start('own', false), await Node.start('other', false)]
    const { proxy, send } = await hedged(own, other, version)
    const answers = Array.from({ length: AT_A_TIME }, (_, at) => send(at))
    await vi.waitUntil(() => other.open.size === AT_A_TIME && own.open.size === AT_A_TIME)
    for (const stream of [...own.open]) own.answer(stream)
    expect(await Promise.all(answers)).toEqual(answers.map(() => '200 own'))
    await vi.waitUntil(() => other.open.size === 0 && own.open.size === 0)
    expect([own.resets.length, other.resets.length]).toEqual([0, AT_A_TIME])
    expect(proxy.proxy.runtime.pools.active).toBe(0)
  })
})
