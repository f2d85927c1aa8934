import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { peer } from '../peers/peer.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { nodeClient, type HttpVersion, type Plan } from './testing/node-peers.ts'
import { releaseAll, releaseLater } from './testing/resources.ts'

afterEach(releaseAll)

const REQUESTS = 400
const AT_A_TIME = 20
/** After so many requests the upstream closes each of its connections. */
const PER_CONNECTION = 7

const plan = (number: number): Plan => ({
  start: 'POST /',
  fields: [`x-number: ${number}`],
  body: Buffer.from(`body ${number}`),
  pieces: [1, 100],
  trailers: [],
  withLength: number % 2 === 0,
})

it.each<HttpVersion>(['h1', 'h2'])(
  'an upstream that goes away again and again loses no request of %s',
  async (version) => {
    let sessions = 0
    const counts = new Map<object | undefined, number>()
    const server = createServer()
    server.on('session', () => sessions++)
    server.on('stream', (stream) => {
      const { session } = stream
      const count = (counts.get(session) ?? 0) + 1
      counts.set(session, count)
      stream.on('error', () => undefined)
      // GOAWAY with the last stream that was looked at; what is under way is answered, what comes later is not.
      if (count === PER_CONNECTION) session?.close()
      let body = ''
      stream.on('data', (chunk: Buffer) => (body += chunk.toString()))
      stream.on('end', () => {
        stream.respond({ ':status': 200 })
        stream.end(body)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    releaseLater(() => void server.close())
    const target = peer(`127.0.0.1:${(server.address() as AddressInfo).port}`, { protocol: 'h2' })
    const proxy = await startProxy({ upstreamPeer: () => target })
    const client = nodeClient(version, proxy.port)
    for (let from = 0; from < REQUESTS; from += AT_A_TIME) {
      const answers = await Promise.all(
        Array.from({ length: AT_A_TIME }, (_, at) =>
          client.send(plan(from + at)).then(({ start, body }) => `${start} ${body.toString()}`),
        ),
      )
      expect(answers).toEqual(Array.from({ length: AT_A_TIME }, (_, at) => `200 body ${from + at}`))
    }
    expect(sessions).toBeGreaterThan(REQUESTS / AT_A_TIME / 2)
  },
)
