import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ask } from '../testing/curl.ts'
import { type DemoService, startDemoService } from './demo-service.ts'

let service: DemoService
beforeEach(async () => {
  service = await startDemoService('A')
})
afterEach(() => service.close())

it('answers with its name and what it got', async () => {
  const { status, body } = await ask(`http://127.0.0.1:${service.port}/x?y=1`, 'GET', {
    'X-Consumer-Username': 'alice',
  })
  expect(status).toBe(200)
  expect(JSON.parse(body)).toEqual({ service: 'A', method: 'GET', path: '/x?y=1', consumer: 'alice' })
})

const MASK = Buffer.from([1, 2, 3, 4])

/** A frame of a client: masked. */
function masked(first: number, text: string): Buffer {
  const payload = Buffer.from(text)
  const size = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 0xff]
  for (let at = 0; at < payload.length; at++) payload[at] ^= MASK[at & 3]
  return Buffer.concat([Buffer.from([first, ...size]), MASK, payload])
}

/** Collects until so many bytes have come, or the end. */
function read(socket: Socket, enough: number): Promise<Buffer> {
  return new Promise((resolve) => {
    let all = Buffer.alloc(0)
    const done = (): void => {
      socket.off('data', take)
      resolve(all)
    }
    const take = (chunk: Buffer): void => {
      all = Buffer.concat([all, chunk])
      if (all.length >= enough) done()
    }
    socket.on('data', take)
    socket.once('end', done)
  })
}

const UPGRADE =
  'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
const GREETING = 'say something, and it comes back'
/** The key and its answer are those of RFC 6455 section 1.3. */
const OPENED = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81${String.fromCharCode(GREETING.length)}${GREETING}`

async function open(rest: Buffer = Buffer.alloc(0)): Promise<{ socket: Socket; first: Buffer }> {
  const socket = connect(service.port, '127.0.0.1')
  socket.write(Buffer.concat([Buffer.from(`${UPGRADE}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`), rest]))
  return { socket, first: await read(socket, OPENED.length) }
}

it('opens a WebSocket, greets, and sends back what comes, however it is cut', async () => {
  const { socket, first } = await open()
  expect(first.toString('latin1')).toBe(OPENED)
  const long = 'x'.repeat(300)
  const sent = Buffer.concat([masked(0x81, 'hello'), masked(0x89, 'ping'), masked(0x82, long)])
  const echoed = read(socket, 7 + 6 + 304)
  for (const byte of sent) socket.write(Buffer.from([byte]))
  expect((await echoed).toString('latin1')).toBe(`\x81\x05hello\x8a\x04ping\x82\x7e\x01\x2c${long}`)
  const closed = read(socket, 100)
  socket.write(masked(0x88, ''))
  expect(await closed).toEqual(Buffer.from([0x88, 0]))
})

it('takes frames that came along with the request', async () => {
  const { socket, first } = await open(masked(0x81, 'early'))
  const rest = first.length > OPENED.length ? first : Buffer.concat([first, await read(socket, 7)])
  expect(rest.toString('latin1')).toBe(`${OPENED}\x81\x05early`)
  socket.destroy()
})

it.each([
  ['a frame without a mask', Buffer.from([0x81, 1, 65])],
  ['a frame of more than 64 KiB', Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0])],
])('closes on %s', async (_what, bytes) => {
  const { socket } = await open()
  const closed = read(socket, 100)
  socket.write(bytes)
  expect(await closed).toEqual(Buffer.from([0x88, 0]))
})

it('refuses another protocol', async () => {
  const { status } = await ask(`http://127.0.0.1:${service.port}/ws`, 'GET', { Connection: 'Upgrade', Upgrade: 'h2c' })
  expect(status).toBe(400)
})

it('closes with a WebSocket open', async () => {
  const { socket } = await open()
  const gone = new Promise((resolve) => socket.once('close', resolve))
  await service.close()
  await gone
})
