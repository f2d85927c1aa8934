import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FaultLink, type LinkedConnection, type Slowness } from './fault-link.ts'
import { bodyOf, token } from './orders.mjs'

const server = createServer((socket) => {
  socket.on('error', () => undefined)
  socket.pipe(socket)
})
let link: FaultLink
let client: Socket
let heard: Buffer
let closed: Promise<unknown>
const seen: [number, LinkedConnection][] = []

beforeEach(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  seen.length = 0
  link = await FaultLink.to({ port: (server.address() as AddressInfo).port }, 'link', (...sighting) =>
    seen.push(sighting),
  )
  client = connect(link.listeningPort, '127.0.0.1')
  heard = Buffer.alloc(0)
  client.on('data', (bytes: Buffer) => (heard = Buffer.concat([heard, bytes])))
  client.on('error', () => undefined)
  closed = new Promise((resolve) => client.once('close', resolve))
  await once(client, 'connect')
})
afterEach(async () => {
  client.destroy()
  await link.close()
  await new Promise((resolve) => server.close(resolve))
})

const hears = async (length: number): Promise<void> => {
  while (heard.length < length) await once(client, 'data')
}

it.each<[string, Partial<Slowness>, number]>([
  ['as it comes', {}, 3_000_000],
  ['late', { delayMs: 50 }, 300_000],
  ['in small pieces', { pieceBytes: 777 }, 100_000],
  ['slowly', { bytesPerSecond: 1_000_000 }, 100_000],
  ['late and in pieces', { delayMs: 10, pieceBytes: 5_000 }, 300_000],
])('passes on every byte %s, and says who passed', async (_, slowness, length) => {
  link.slow(slowness)
  const body = bodyOf(7, 'asked', length)
  const startedAt = performance.now()
  client.write(body)
  await hears(length)
  expect(heard.equals(body)).toBe(true)
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(2 * (slowness.delayMs ?? 0))
  expect(seen.map(([number]) => number)).toContain(7)
  // Half closed, the other way is still open.
  client.end('x')
  await closed
  expect(heard.length).toBe(length + 1)
})

it('holds back while it is stalled, and loses nothing', async () => {
  client.write(token(1))
  await hears(3)
  link.silence('stalled')
  client.write(token(2))
  while (seen.length < 2) await new Promise(setImmediate)
  expect(heard.toString()).toBe('~1~')
  link.heal()
  await hears(6)
  expect(heard.toString()).toBe('~1~~2~')
  expect(link.brokeOne(0, Infinity)).toBe(false)
  expect(link.outages).toHaveLength(1)
})

it('has forgotten its connections when it is healed after a cut', async () => {
  client.write(token(1))
  await hears(3)
  link.silence('half-open')
  link.heal()
  await closed
  expect(seen[0]?.[1].broken?.how).toBe('half-open')
  expect(link.brokeOne(0, Infinity, seen[0]?.[1].clientPort)).toBe(true)
})

it('refuses while its node is dead, and accepts at the same port again', async () => {
  link.refuse()
  const refused = connect(link.listeningPort, '127.0.0.1')
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNREFUSED')
  await link.accept()
  const other = connect(link.listeningPort, '127.0.0.1')
  await once(other, 'connect')
  other.destroy()
})
