import { once } from 'node:events'
import { type ClientHttp2Session, type IncomingHttpHeaders, type Settings, connect } from 'node:http2'
import { type AddressInfo, type Server, connect as connectTcp, createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { GRPC_ANSWER, MESSAGE } from './grpc-message.js'
import { Flag, PREFACE, STATUS_200, Type, frame, settingsFrame } from './h2-frames.js'
import { type Answer, H2Responder } from './h2-responder.js'

const LARGE: Answer = { head: STATUS_200, body: Buffer.alloc(1024 * 1024, 'x') }

let server: Server
let session: ClientHttp2Session | undefined

afterEach(() => {
  session?.destroy()
  session = undefined
  server.close()
})

async function listen(answer: Answer): Promise<number> {
  server = createServer((socket) => new H2Responder(socket, answer))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

async function client(answer: Answer, settings: Settings = {}): Promise<ClientHttp2Session> {
  session = connect(`http://127.0.0.1:${await listen(answer)}`, { settings })
  await once(session, 'connect')
  return session
}

async function ask(to: ClientHttp2Session, body?: Buffer): Promise<{ body: Buffer; trailers: IncomingHttpHeaders }> {
  const stream = to.request({ ':method': 'POST', ':path': '/' }, { endStream: body === undefined })
  let trailers: IncomingHttpHeaders = {}
  stream.on('trailers', (fields) => (trailers = fields))
  if (body !== undefined) stream.end(body)
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return { body: Buffer.concat(chunks), trailers }
}

describe('H2Responder', () => {
  it('answers a gRPC call with its trailers, again and again', async () => {
    const to = await client(GRPC_ANSWER)
    for (let call = 0; call < 3; call++) {
      const { body, trailers } = await ask(to, MESSAGE)
      expect(body).toEqual(MESSAGE)
      expect(trailers).toMatchObject({ 'grpc-status': '0' })
    }
  })

  it('answers many streams at once', async () => {
    const to = await client(GRPC_ANSWER)
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(to)))
    expect(answers.every(({ body, trailers }) => body.equals(MESSAGE) && trailers['grpc-status'] === '0')).toBe(true)
  })

  it.each([1, 20, 65_535, 1 << 24])('keeps to a window of %i bytes', async (initialWindowSize) => {
    const to = await client(GRPC_ANSWER, { initialWindowSize })
    expect((await ask(to, MESSAGE)).body).toEqual(MESSAGE)
  })

  it('sends a megabyte on several streams through the default windows', async () => {
    const to = await client(LARGE)
    const answers = await Promise.all([ask(to), ask(to), ask(to)])
    for (const { body } of answers) expect(body.equals(LARGE.body)).toBe(true)
  })

  it('takes a body that is larger than its windows', async () => {
    const to = await client(GRPC_ANSWER)
    const upload = Buffer.alloc(20 * 1024 * 1024)
    expect((await ask(to, upload)).body).toEqual(MESSAGE)
  })

  it('tells a peer without a header table, which checks it, that it uses none', async () => {
    const to = await client(GRPC_ANSWER, { headerTableSize: 0 })
    for (let call = 0; call < 3; call++) expect((await ask(to, MESSAGE)).trailers['grpc-status']).toBe('0')
  })

  it('answers a ping', async () => {
    const to = await client(GRPC_ANSWER)
    const payload = Buffer.from('12345678')
    const answered = await new Promise<Buffer>((resolve, reject) => {
      to.ping(payload, (error, _duration, echoed) => (error === null ? resolve(echoed) : reject(error)))
    })
    expect(answered).toEqual(payload)
  })

  it('goes on with the other streams when one is reset', async () => {
    const to = await client(LARGE)
    const broken = to.request({ ':path': '/' })
    broken.on('error', () => {})
    await once(broken, 'response')
    broken.close(8)
    expect((await ask(to)).body.length).toBe(LARGE.body.length)
  })

  it.each([
    ['HTTP/1.1', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n')],
    ['an even stream', Buffer.concat([PREFACE, frame(Type.HEADERS, Flag.END_HEADERS, 2, STATUS_200)])],
    [
      'half a header block and then data',
      Buffer.concat([PREFACE, frame(Type.HEADERS, 0, 1, STATUS_200), frame(Type.DATA, 0, 1, STATUS_200)]),
    ],
    ['a setting cut short', Buffer.concat([PREFACE, frame(Type.SETTINGS, 0, 0, Buffer.alloc(5))])],
    [
      'an increment of 0',
      Buffer.concat([PREFACE, settingsFrame([]), frame(Type.WINDOW_UPDATE, 0, 0, Buffer.alloc(4))]),
    ],
  ])('closes the connection on %s', async (_name, bytes) => {
    const socket = connectTcp(await listen(GRPC_ANSWER), '127.0.0.1')
    socket.on('error', () => {})
    socket.write(bytes)
    await once(socket.resume(), 'close')
    expect(socket.destroyed).toBe(true)
  })

  it('reads frames that come byte by byte', async () => {
    const socket = connectTcp({ port: await listen(GRPC_ANSWER), host: '127.0.0.1', noDelay: true })
    const call = Buffer.concat([
      PREFACE,
      settingsFrame([]),
      frame(Type.HEADERS, 0, 1, STATUS_200),
      frame(Type.CONTINUATION, Flag.END_HEADERS, 1, STATUS_200),
      frame(Type.DATA, Flag.END_STREAM, 1, MESSAGE),
    ])
    for (const byte of call) await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve))
    let received = Buffer.alloc(0)
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer])
      if (received.includes(MESSAGE) && received.includes('grpc-status')) break
    }
    expect(received.includes('application/grpc')).toBe(true)
  })
})
