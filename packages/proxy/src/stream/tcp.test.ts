import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { TcpSession } from './tcp-session.ts'
import { deadAddress } from '../exchange/testing/dead-address.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { client, readAll, startServer, startStreams } from './testing/stream-harness.ts'

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const echo = (socket: Socket): void => void socket.pipe(socket)

test('bytes go both ways', async () => {
  const { port, nextEnd } = await startStreams({ nodes: [`127.0.0.1:${await startServer(echo)}`] })
  const end = nextEnd()
  const socket = client(port)
  socket.end('hello')
  expect((await readAll(socket)).toString()).toBe('hello')
  const session = await end
  expect([session.bytesReceived, session.bytesSent, session.error, session.attempts]).toEqual([5, 5, undefined, 1])
  expect(session.client.remoteAddress).toBe('127.0.0.1')
  expect(session.client.localPort).toBe(port)
})

test('a server that speaks first is heard', async () => {
  const upstream = await startServer((socket) => void socket.end('220 ready'))
  const { port } = await startStreams({ nodes: [`127.0.0.1:${upstream}`] })
  const socket = client(port)
  expect((await readAll(socket)).toString()).toBe('220 ready')
  socket.end()
})

test('ten megabytes go both ways unchanged', async () => {
  const { port } = await startStreams({ nodes: [`127.0.0.1:${await startServer(echo)}`] })
  const bytes = randomBytes(10_485_760)
  const socket = client(port)
  socket.end(bytes)
  expect(digest(await readAll(socket))).toBe(digest(bytes))
})

test('a reader that does not read stops the other side', async () => {
  let sent = 0
  const upstream = await startServer((socket) => {
    const chunk = Buffer.alloc(65_536, 'x')
    const fill = (): void => {
      while (sent < 52_428_800) {
        sent += chunk.length
        if (!socket.write(chunk)) return void socket.once('drain', fill)
      }
      socket.end()
    }
    fill()
  })
  const { port, sessions } = await startStreams({ nodes: [`127.0.0.1:${upstream}`] })
  const socket = client(port)
  socket.pause()
  await once(socket, 'connect')
  while (sessions.length === 0) await turn()
  const { socket: towardsClient } = (sessions[0] as TcpSession<object>).downstream
  while (!towardsClient.writableNeedDrain) await turn()
  // The high-water mark and one read more.
  expect(towardsClient.writableLength).toBeLessThanOrEqual(262_144 + 131_072)
  const received = sessions[0].bytesSent
  for (let turns = 0; turns < 100; turns++) await turn()
  expect(sessions[0].bytesSent).toBe(received)
  expect((await readAll(socket)).length).toBe(52_428_800)
})

test('a half close passes through: the answer comes after the end of the question', async () => {
  const upstream = await startServer((socket) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('end', () => socket.end(Buffer.concat(chunks).toString().toUpperCase()))
  })
  const { port } = await startStreams({ nodes: [`127.0.0.1:${upstream}`] })
  const socket = client(port)
  socket.end('question')
  expect((await readAll(socket)).toString()).toBe('QUESTION')
})

test('a node that refuses is passed over, and its failure told', async () => {
  const dead = await deadAddress()
  const { port, failures, nextEnd } = await startStreams({
    nodes: [dead, `127.0.0.1:${await startServer(echo)}`],
  })
  const end = nextEnd()
  const socket = client(port)
  socket.end('hello')
  expect((await readAll(socket)).toString()).toBe('hello')
  expect(failures.map((error) => [error.code, error.retry])).toEqual([['CONNECT_REFUSED', true]])
  expect((await end).attempts).toBe(2)
})

test('when no node answers the connection is closed', async () => {
  const { port, nextEnd } = await startStreams({ nodes: [await deadAddress(), await deadAddress()] })
  const end = nextEnd()
  const socket = client(port)
  await once(socket.resume(), 'close')
  expect((await end).error?.code).toBe('CONNECT_REFUSED')
  expect((await end).attempts).toBe(2)
})

test('retries have a limit', async () => {
  const nodes = [await deadAddress(), `127.0.0.1:${await startServer(echo)}`]
  const { port, nextEnd } = await startStreams({
    nodes,
    plan: { retries: 0 },
  })
  const end = nextEnd()
  client(port)
  expect((await end).attempts).toBe(1)
})

test('a node that does not answer in time is passed over', async () => {
  const clock = new FakeClock()
  const { port, failures } = await startStreams({
    // RFC 5737: nobody has this address, so nothing comes back, or a refusal of the network.
    nodes: ['192.0.2.1:9', `127.0.0.1:${await startServer(echo)}`],
    peer: { connectTimeoutMs: 1_000 },
    deadlines: clock.deadlines,
  })
  const socket = client(port)
  await once(socket, 'connect')
  while (clock.deadlines.size === 0) await new Promise((resolve) => setImmediate(resolve))
  clock.pass(1_001)
  socket.end('hello')
  expect((await readAll(socket)).toString()).toBe('hello')
  expect(failures).toHaveLength(1)
  expect(['CONNECT_TIMEOUT', 'CONNECT_FAILED']).toContain(failures[0].code)
})

test('a name is resolved, and one that cannot be is a failure to connect', async () => {
  const { port, failures } = await startStreams({
    nodes: ['no-such-host.invalid:1', `localhost:${await startServer(echo)}`],
  })
  const socket = client(port)
  socket.end('hello')
  expect((await readAll(socket)).toString()).toBe('hello')
  expect(failures.map((error) => error.code)).toEqual(['NAME_NOT_RESOLVED'])
})

test('a session without a byte ends after the idle time', async () => {
  const clock = new FakeClock()
  const { port, nextEnd } = await startStreams({
    nodes: [`127.0.0.1:${await startServer(echo)}`],
    plan: { idleTimeoutMs: 5_000 },
    deadlines: clock.deadlines,
  })
  const end = nextEnd()
  const socket = client(port)
  socket.write('a')
  await once(socket, 'data')
  clock.pass(4_000)
  socket.write('b')
  await once(socket, 'data')
  clock.pass(4_000)
  socket.write('c')
  await once(socket, 'data')
  clock.pass(5_001)
  await once(socket.resume(), 'close')
  expect((await end).error?.code).toBe('READ_TIMEOUT')
})

test('what an upstream sent before it was lost still reaches the client', async () => {
  const upstream = await startServer((socket) => {
    socket.write('last words')
    socket.once('data', () => socket.resetAndDestroy())
  })
  const { port, nextEnd } = await startStreams({ nodes: [`127.0.0.1:${upstream}`] })
  const end = nextEnd()
  const socket = client(port)
  const [words] = (await once(socket, 'data')) as [Buffer]
  expect(words.toString()).toBe('last words')
  socket.write('x')
  await once(socket, 'end')
  socket.end()
  expect((await end).error?.source).toBe('upstream')
})

test('a client that is lost takes its upstream connection with it', async () => {
  let closed!: () => void
  const lost = new Promise<void>((resolve) => (closed = resolve))
  const upstream = await startServer((socket) => {
    socket.write('hello')
    socket.resume().once('close', closed)
    socket.once('end', () => socket.end())
  })
  const { port, nextEnd } = await startStreams({ nodes: [`127.0.0.1:${upstream}`] })
  const end = nextEnd()
  const socket = client(port)
  await once(socket, 'data')
  socket.resetAndDestroy()
  await lost
  expect((await end).error?.code).toBe('CLIENT_GONE')
})

test('a session that is not let in is closed, and logged once', async () => {
  const { port, ended } = await startStreams({ nodes: [], phases: { open: () => undefined } })
  const socket = client(port)
  await once(socket.resume(), 'close')
  expect(ended).toHaveLength(1)
  expect(ended[0].error).toBeUndefined()
})

test('a drain waits for sessions, then cuts them', async () => {
  const { port, listener } = await startStreams({ nodes: [`127.0.0.1:${await startServer(echo)}`] })
  const [stays, leaves] = [client(port), client(port)]
  for (const socket of [stays, leaves]) {
    socket.write('x')
    await once(socket, 'data')
  }
  listener.stopAccepting()
  const drained = listener.drain(200)
  leaves.end()
  await once(leaves.resume(), 'close')
  stays.write('still')
  expect(String(await once(stays, 'data'))).toBe('still')
  expect(await drained).toBe(1)
  await once(stays.resume(), 'close')
  expect(listener.connections).toBe(0)
})

test('connections above the limit are closed', async () => {
  const { port } = await startStreams({ nodes: [`127.0.0.1:${await startServer(echo)}`], maxConnections: 1 })
  const first = client(port)
  first.write('x')
  await once(first, 'data')
  await once(client(port).resume(), 'close')
  first.write('y')
  expect(String(await once(first, 'data'))).toBe('y')
})
