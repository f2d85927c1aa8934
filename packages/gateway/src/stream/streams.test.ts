import { once } from 'node:events'
import { connect } from 'node:tls'
import { expect, test } from 'vitest'
import { A_CERTIFICATE, B_CERTIFICATE, KEY } from '../tls/testing/server-certificates.ts'
import { AUTHORITY } from '../tls/testing/authorities.ts'
import { ALICE, STRANGER } from '../tls/testing/client-certificates.ts'
import { udpSocket } from '../../../proxy/src/stream/testing/stream-harness.ts'
import { ask, exchange, opened, startNamed, startServer } from './testing/raw.ts'
import { startStreams } from './testing/start-streams.ts'

const to = (address: string): object => ({ nodes: { [address]: 1 } })

test('a connection goes to the upstream of its route', async () => {
  const upstream = await startNamed('one')
  const { streamPort, metrics } = await startStreams({ stream_routes: [{ id: 'a', upstream: to(upstream) }] })
  expect(await exchange(streamPort, 'hello')).toBe('one\nhello')
  const text = metrics.render()
  expect(text).toMatch(/sekisho_stream_sessions_total\{stream_route="a"\} 1/)
  expect(text).toMatch(/sekisho_stream_bytes_total\{stream_route="a",type="ingress"\} 5/)
  expect(text).toMatch(/sekisho_stream_bytes_total\{stream_route="a",type="egress"\} 9/)
  expect(text).toMatch(/sekisho_stream_open_sessions 0/)
})

test('the short form, an upstream by id and one of a service', async () => {
  const [one, two, three] = [await startNamed('one'), await startNamed('two'), await startNamed('three')]
  const { streamPort, update } = await startStreams({ stream_routes: [{ id: 'a', upstream: `tcp://${one}` }] })
  expect(await exchange(streamPort, '')).toBe('one\n')
  await update({ upstreams: [{ id: 'u', scheme: 'tcp', ...to(two) }], stream_routes: [{ id: 'a', upstream_id: 'u' }] })
  expect(await exchange(streamPort, '')).toBe('two\n')
  await update({ services: [{ id: 's', upstream: to(three) }], stream_routes: [{ id: 'a', service_id: 's' }] })
  expect(await exchange(streamPort, '')).toBe('three\n')
})

test('a change counts for the next connection, and none for those that are open', async () => {
  const [one, two] = [await startNamed('one'), await startNamed('two')]
  const { streamPort, update } = await startStreams({ stream_routes: [{ id: 'a', upstream: to(one) }] })
  const { socket, line } = await opened(streamPort)
  expect(line).toBe('one\n')
  await update({ stream_routes: [{ id: 'a', upstream: to(two) }] })
  expect(await exchange(streamPort, '')).toBe('two\n')
  await update({})
  expect(await exchange(streamPort, '')).toBe('')
  socket.write('still here')
  expect(String(await once(socket, 'data'))).toBe('still here')
})

test('the narrowest route takes it: by the address of the client', async () => {
  const [one, two] = [await startNamed('one'), await startNamed('two')]
  const { streamPort } = await startStreams({
    stream_routes: [
      { id: 'a', upstream: to(one) },
      { id: 'b', remote_addr: '127.0.0.2', upstream: to(two) },
    ],
  })
  expect(await exchange(streamPort, '')).toBe('one\n')
  expect(await exchange(streamPort, '', '127.0.0.2')).toBe('two\n')
})

test('a node that is down is passed over, and the metric says so', async () => {
  const upstream = await startNamed('up')
  const { streamPort, metrics } = await startStreams({
    stream_routes: [{ id: 'a', upstream: { nodes: { '127.0.0.1:1': 1, [upstream]: 1 } } }],
  })
  expect(await exchange(streamPort, '')).toBe('up\n')
  expect(await exchange(streamPort, '')).toBe('up\n')
  expect(metrics.render()).toMatch(/sekisho_upstream_status\{name="a",ip="127.0.0.1",port="1"\} 0/)
})

test.each(['roundrobin', 'least_conn', 'random', 'ewma'])('%s shares connections out', async (type) => {
  const nodes = { [await startNamed('one')]: 1, [await startNamed('two')]: 1 }
  const { streamPort } = await startStreams({ stream_routes: [{ id: 'a', upstream: { type, nodes } }] })
  const lines = new Set<string>()
  for (let at = 0; at < 40; at++) lines.add(await exchange(streamPort, ''))
  expect([...lines].sort()).toEqual(['one\n', 'two\n'])
})

test('chash keeps a client with its node', async () => {
  const nodes = Object.fromEntries(
    await Promise.all(['a', 'b', 'c', 'd'].map(async (name) => [await startNamed(name), 1])),
  )
  const { streamPort } = await startStreams({
    stream_routes: [{ id: 'a', upstream: { type: 'chash', key: 'remote_addr', nodes } }],
  })
  const first = new Map<string, string>()
  for (let round = 0; round < 3; round++) {
    for (let last = 1; last <= 12; last++) {
      const from = `127.0.0.${last}`
      const line = await exchange(streamPort, '', from)
      expect(first.get(from) ?? line).toBe(line)
      first.set(from, line)
    }
  }
  expect(new Set(first.values()).size).toBeGreaterThan(1)
})

test('ip-restriction closes the connections of those who may not', async () => {
  const upstream = await startNamed('one')
  const { streamPort } = await startStreams({
    stream_routes: [{ id: 'a', upstream: to(upstream), plugins: { 'ip-restriction': { blacklist: ['127.0.0.2'] } } }],
  })
  expect(await exchange(streamPort, '', '127.0.0.2')).toBe('')
  expect(await exchange(streamPort, '')).toBe('one\n')
})

test('limit-conn refuses connections above its limit until one is closed', async () => {
  const upstream = await startNamed('one')
  const limit = { conn: 1, burst: 0, default_conn_delay: 0.1, key: 'remote_addr' }
  const { streamPort, listener } = await startStreams({
    stream_routes: [{ id: 'a', upstream: to(upstream), plugins: { 'limit-conn': limit } }],
  })
  const { socket } = await opened(streamPort)
  expect(await exchange(streamPort, '')).toBe('')
  expect(await exchange(streamPort, '', '127.0.0.2')).toBe('one\n')
  socket.end()
  await once(socket.resume(), 'close')
  while (listener.connections > 0) await new Promise((resolve) => setImmediate(resolve))
  expect(await exchange(streamPort, '')).toBe('one\n')
})

test('the upstream is told who the client is', async () => {
  const upstream = await startServer((socket) => socket.pipe(socket))
  const { streamPort } = await startStreams({
    stream_routes: [{ id: 'a', upstream: to(upstream), proxy_protocol: 1 }],
  })
  expect(await exchange(streamPort, 'hello', '127.0.0.2')).toMatch(
    /^PROXY TCP4 127\.0\.0\.2 127\.0\.0\.1 \d+ \d+\r\nhello$/,
  )
})

test('who the client is may come by the PROXY protocol itself', async () => {
  const [one, two] = [await startNamed('one'), await startNamed('two')]
  const { streamPort } = await startStreams(
    {
      stream_routes: [
        { id: 'a', upstream: to(one) },
        { id: 'b', remote_addr: '203.0.113.7', upstream: to(two) },
      ],
    },
    { proxyProtocol: 'required' },
  )
  expect(await exchange(streamPort, 'PROXY TCP4 203.0.113.7 192.0.2.1 5 6\r\nhello')).toBe('two\nhello')
  expect(await exchange(streamPort, 'PROXY TCP4 203.0.113.8 192.0.2.1 5 6\r\nhello')).toBe('one\nhello')
})

test('TLS ends here for one name and passes through for another, on one port', async () => {
  const plain = await startNamed('in the clear')
  const { createServer } = await import('node:tls')
  const secure = createServer({ cert: B_CERTIFICATE, key: KEY }, (socket) => void socket.end('by itself'))
  secure.listen(0, '127.0.0.1')
  await once(secure, 'listening')
  const inner = `127.0.0.1:${(secure.address() as { port: number }).port}`
  const gateway = await startStreams({
    ssls: [{ id: 'a', sni: 'a.test', cert: A_CERTIFICATE, key: KEY }],
    stream_routes: [
      { id: 'a', sni: 'a.test', upstream: to(plain) },
      { id: 'b', sni: '*.test', tls: 'passthrough', upstream: to(inner) },
    ],
  })
  const tls = gateway.worker.table.ssls.listener({ name: 'x', http2: false, stream: true, fallback: undefined })
  const listener = await gateway.worker.streams.serve({ host: '127.0.0.1', port: 0 }, { tls })
  const { port } = listener.address as { port: number }
  const read = async (servername: string): Promise<[unknown, string]> => {
    const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false })
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    await once(socket, 'secureConnect')
    const { CN } = socket.getPeerCertificate().subject
    socket.end()
    await once(socket, 'close')
    return [CN, text]
  }
  expect(await read('a.test')).toEqual(['a.test', 'in the clear\n'])
  expect(await read('b.test')).toEqual(['b.test', 'by itself'])
  listener.stopAccepting()
  await listener.drain(0)
  secure.close()
})

test('an ssl that asks for client certificates is obeyed', async () => {
  const upstream = await startNamed('one')
  const gateway = await startStreams({
    ssls: [
      { id: 'a', sni: 'a.test', cert: A_CERTIFICATE, key: KEY, client: { ca: AUTHORITY, skip_mtls_uri_regex: ['.*'] } },
    ],
    stream_routes: [{ id: 'a', upstream: to(upstream) }],
  })
  const tls = gateway.worker.table.ssls.listener({ name: 'x', http2: false, stream: true, fallback: undefined })
  const listener = await gateway.worker.streams.serve({ host: '127.0.0.1', port: 0 }, { tls })
  const { port } = listener.address as { port: number }
  const read = async (certificate: object): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'a.test', rejectUnauthorized: false, ...certificate })
    socket.on('error', () => {})
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    socket.end('hello')
    await once(socket, 'close')
    return text
  }
  expect(await read({})).toBe('')
  expect(await read({ cert: STRANGER, key: KEY })).toBe('')
  expect(await read({ cert: ALICE, key: KEY })).toBe('one\nhello')
  await listener.drain(0)
  listener.stopAccepting()
})

test('datagrams go to the upstream, and answers come back from the listener', async () => {
  const node = await udpSocket((socket, text, port) => socket.send(`${text} too`, port, '127.0.0.1'))
  const { streamPort, listener } = await startStreams(
    { stream_routes: [{ id: 'a', upstream: `udp://127.0.0.1:${node.address().port}`, responses: 1 }] },
    { transport: 'udp' },
  )
  expect(await ask(await udpSocket(), streamPort, 'hello')).toBe('hello too')
  expect(listener.connections).toBe(0)
})

test('an upstream that speaks UDP takes no TCP connection', async () => {
  const { streamPort } = await startStreams({ stream_routes: [{ id: 'a', upstream: 'udp://127.0.0.1:9' }] })
  expect(await exchange(streamPort, 'x')).toBe('')
})
