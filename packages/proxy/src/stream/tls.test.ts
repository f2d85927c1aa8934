import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { parseClientHello } from '@sekisho/wire'
import { AUTHORITY, SERVER_CERTIFICATE, SERVER_KEY } from '../exchange/testing/certificates.ts'
import { deadAddress } from '../exchange/testing/dead-address.ts'
import { client, readAll, startServer, startStreams } from './testing/stream-harness.ts'

const files = { cert: SERVER_CERTIFICATE, key: SERVER_KEY }
const echo = (socket: Socket): void => void socket.pipe(socket)

/** A TLS server that says what name it was asked for, then echoes. */
async function tlsServer(): Promise<number> {
  const server = createServer(files, (socket) => {
    socket.on('error', () => {})
    socket.write(`name ${String(socket.servername)}\n`)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

function tlsClient(port: number, servername: string): TLSSocket {
  const socket = connect({ host: '127.0.0.1', port, servername, ca: AUTHORITY })
  onTestFinished(() => void socket.destroy())
  return socket
}

test('TLS that ends here goes on in the clear', async () => {
  const { port, nextEnd } = await startStreams({
    nodes: [`127.0.0.1:${await startServer(echo)}`],
    serve: { tls: files },
  })
  const end = nextEnd()
  const socket = tlsClient(port, 'upstream.test')
  socket.end('hello')
  expect((await readAll(socket)).toString()).toBe('hello')
  const session = await end
  expect([session.serverName, session.client.tls?.protocol]).toEqual(['upstream.test', 'TLSv1.3'])
})

test('a megabyte through TLS that ends here', async () => {
  const { port } = await startStreams({ nodes: [`127.0.0.1:${await startServer(echo)}`], serve: { tls: files } })
  const socket = tlsClient(port, 'upstream.test')
  const bytes = Buffer.alloc(1_048_576, 'abcdefg')
  socket.end(bytes)
  expect((await readAll(socket)).equals(bytes)).toBe(true)
})

test('TLS passes through untouched, and its name is known', async () => {
  const { port, nextEnd } = await startStreams({
    nodes: [`127.0.0.1:${await tlsServer()}`],
    serve: { tls: 'passthrough' },
  })
  const end = nextEnd()
  const socket = tlsClient(port, 'upstream.test')
  socket.end('hello')
  expect((await readAll(socket)).toString()).toBe('name upstream.test\nhello')
  expect((await end).serverName).toBe('upstream.test')
})

test('on one port TLS ends here for one name and passes through for another', async () => {
  const plain = await startServer((socket) => {
    socket.write('in the clear\n')
    socket.pipe(socket)
  })
  const secure = await tlsServer()
  const { port } = await startStreams({
    nodes: [],
    serve: { tls: files },
    phases: {
      passesTls: (session) => session.serverName === 'through.test',
      upstreamPeer: (session) => peers[session.serverName],
    },
  })
  const { Peer } = await import('../peers/peer.ts')
  const peers: Record<string, InstanceType<typeof Peer>> = {
    'through.test': new Peer('127.0.0.1', secure, {}),
    'upstream.test': new Peer('127.0.0.1', plain, {}),
  }
  const through = connect({ host: '127.0.0.1', port, servername: 'through.test', rejectUnauthorized: false })
  through.end('a')
  expect((await readAll(through)).toString()).toBe('name through.test\na')
  const ended = tlsClient(port, 'upstream.test')
  ended.end('b')
  expect((await readAll(ended)).toString()).toBe('in the clear\nb')
})

test('an upstream is spoken to with TLS, and its certificate is checked', async () => {
  const upstream = await tlsServer()
  const { port } = await startStreams({
    nodes: [`127.0.0.1:${upstream}`],
    peer: { tls: { ca: AUTHORITY, serverName: 'upstream.test' } },
  })
  const socket = client(port)
  socket.end('hello')
  expect((await readAll(socket)).toString()).toBe('name upstream.test\nhello')
  const { port: strict, nextEnd } = await startStreams({ nodes: [`127.0.0.1:${upstream}`], peer: { tls: true } })
  const end = nextEnd()
  await once(client(strict).resume(), 'close')
  expect((await end).error?.code).toBe('TLS_CERTIFICATE')
})

test.each([1, 2] as const)('an upstream is told who the client is, by PROXY protocol version %i', async (version) => {
  const upstream = await startServer(echo)
  const { port } = await startStreams({ nodes: [`127.0.0.1:${upstream}`], plan: { proxyProtocol: version } })
  const socket = client(port)
  await once(socket, 'connect')
  const from = socket.localPort
  socket.end('hello')
  const answer = await readAll(socket)
  if (version === 1) expect(answer.toString()).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${from} ${port}\r\nhello`)
  else {
    expect(answer.subarray(0, 16).toString('hex')).toBe('0d0a0d0a000d0a515549540a2111000c')
    expect(answer.subarray(28).toString()).toBe('hello')
  }
})

test('the PROXY header comes before TLS', async () => {
  const upstream = await startServer((socket) => {
    socket.once('data', (first) => {
      const text = first.toString('latin1')
      const head = text.slice(0, text.indexOf('\r\n') + 2)
      const rest = first.subarray(head.length)
      const report = (bytes: Buffer): void => {
        const hello = parseClientHello(bytes)
        name = typeof hello === 'string' ? hello : hello.serverName
        header = head
        socket.destroy()
      }
      if (rest.length > 0) report(rest)
      else socket.once('data', report)
    })
  })
  let name = ''
  let header = ''
  const { port } = await startStreams({
    nodes: [`127.0.0.1:${upstream}`],
    plan: { proxyProtocol: 1, retries: 0 },
    peer: { tls: true, sni: 'upstream.test' },
  })
  await once(client(port).resume(), 'close')
  expect([name, header.startsWith('PROXY TCP4 127.0.0.1 ')]).toEqual(['upstream.test', true])
})

test('a drain cuts a client that has not finished its handshake', async () => {
  const { port, listener } = await startStreams({
    nodes: [`127.0.0.1:${await startServer(echo)}`],
    serve: { tls: files },
  })
  const silent = client(port)
  await once(silent, 'connect')
  // Served after the silent one was accepted.
  const served = tlsClient(port, 'upstream.test')
  served.end('hello')
  await readAll(served)
  const closed = once(silent.resume(), 'close')
  listener.stopAccepting()
  expect(await listener.drain(0)).toBe(0)
  await closed
})

test('a PROXY header and TLS to a node that is down fail as others do', async () => {
  const { port, failures } = await startStreams({
    nodes: [await deadAddress()],
    plan: { proxyProtocol: 1 },
    peer: { tls: true },
  })
  await once(client(port).resume(), 'close')
  expect(failures.map((error) => error.code)).toEqual(['CONNECT_REFUSED'])
})
