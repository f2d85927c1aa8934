import { once } from 'node:events'
import { expect, test } from 'vitest'
import { deadAddress } from '../exchange/testing/dead-address.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { startStreams, udpSocket } from './testing/stream-harness.ts'

const UDP = { transport: 'udp' } as const

async function ask(socket: Awaited<ReturnType<typeof udpSocket>>, port: number, text: string): Promise<string> {
  const answer = once(socket, 'message') as Promise<[Buffer, { port: number }]>
  socket.send(text, port, '127.0.0.1')
  const [bytes, from] = await answer
  expect(from.port).toBe(port)
  return bytes.toString()
}

const portOf = (socket: Awaited<ReturnType<typeof udpSocket>>): number => socket.address().port

/** Answers with the port it was asked from. */
const teller = () => udpSocket((socket, text, port) => socket.send(`${text} ${port}`, port, '127.0.0.1'))

test('datagrams of a client stay with one upstream socket, and come back from the listener', async () => {
  const upstream = await teller()
  const { port, listener } = await startStreams({ nodes: [`127.0.0.1:${portOf(upstream)}`], serve: UDP })
  const [one, other] = [await udpSocket(), await udpSocket()]
  const first = await ask(one, port, 'a')
  expect(await ask(one, port, 'a')).toBe(first)
  expect(await ask(other, port, 'a')).not.toBe(first)
  expect(listener.connections).toBe(2)
})

test('a session ends after its idle time, and the next datagram begins another', async () => {
  const clock = new FakeClock()
  const upstream = await teller()
  const { port, listener, nextEnd } = await startStreams({
    nodes: [`127.0.0.1:${portOf(upstream)}`],
    serve: UDP,
    plan: { idleTimeoutMs: 60_000 },
    deadlines: clock.deadlines,
  })
  const end = nextEnd()
  const socket = await udpSocket()
  const first = await ask(socket, port, 'a')
  clock.pass(59_000)
  expect(await ask(socket, port, 'a')).toBe(first)
  clock.pass(60_001)
  const session = await end
  expect([session.bytesReceived, session.bytesSent, session.error]).toEqual([2, 2 * first.length, undefined])
  expect(listener.connections).toBe(0)
  expect(await ask(socket, port, 'b')).toMatch(/^b /)
})

test('a session ends with the last response that is expected', async () => {
  const upstream = await teller()
  const { port, listener, nextEnd } = await startStreams({
    nodes: [`127.0.0.1:${portOf(upstream)}`],
    serve: UDP,
    plan: { responses: 1 },
  })
  const end = nextEnd()
  await ask(await udpSocket(), port, 'a')
  await end
  expect(listener.connections).toBe(0)
})

test('what a node that is down was sent goes to the next one', async () => {
  const upstream = await teller()
  const dead = await deadAddress()
  const { port, failures } = await startStreams({
    nodes: [dead, `127.0.0.1:${portOf(upstream)}`],
    serve: UDP,
  })
  expect(await ask(await udpSocket(), port, 'a')).toMatch(/^a /)
  expect(failures.map((error) => error.code)).toEqual(['CONNECT_REFUSED'])
})

test('clients above the limit get no session', async () => {
  const upstream = await teller()
  const { port, listener, warnings, nextEnd } = await startStreams({
    nodes: [`127.0.0.1:${portOf(upstream)}`],
    serve: UDP,
    plan: { responses: 2 },
    maxUdpSessions: 1,
  })
  const [one, other] = [await udpSocket(), await udpSocket()]
  let heard = 0
  other.on('message', () => heard++)
  await ask(one, port, 'a')
  // The log has a line for the limit, and not one for each datagram.
  for (const text of ['b', 'c', 'd']) other.send(text, port, '127.0.0.1')
  const end = nextEnd()
  await ask(one, port, 'a')
  await end
  expect([heard, listener.connections]).toEqual([0, 0])
  expect(warnings).toEqual(['the limit of UDP sessions is reached: a datagram was dropped'])
})

test('a drain lets those finish who wait for an answer', async () => {
  let answer = (): void => {}
  const upstream = await udpSocket((socket, text, port) => {
    answer = () => socket.send(text, port, '127.0.0.1')
    if (text === 'now') answer()
    else socket.emit('asked')
  })
  const { port, listener } = await startStreams({ nodes: [`127.0.0.1:${portOf(upstream)}`], serve: UDP })
  const [idle, waits] = [await udpSocket(), await udpSocket()]
  await ask(idle, port, 'now')
  const asked = once(upstream, 'asked')
  const reply = once(waits, 'message')
  waits.send('later', port, '127.0.0.1')
  await asked
  listener.stopAccepting()
  expect(listener.connections).toBe(1)
  const drained = listener.drain(10_000)
  answer()
  expect(String((await reply)[0])).toBe('later')
  expect(await drained).toBe(0)
})

test('a second listener may take the address over', async () => {
  const upstream = await teller()
  const { proxy, port } = await startStreams({ nodes: [`127.0.0.1:${portOf(upstream)}`], serve: UDP })
  const next = await proxy.serve({ host: '127.0.0.1', port }, UDP)
  expect(await ask(await udpSocket(), port, 'a')).toMatch(/^a /)
  expect(next.connections).toBe(1)
  await next.drain(0)
})
