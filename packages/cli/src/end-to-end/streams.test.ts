import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { eventually } from '../testing/eventually.ts'
import { Sekisho } from '../testing/sekisho.ts'

let cwd: string
let tcp: Server
let udp: UdpSocket
let running: Sekisho | undefined
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-'))
  tcp = createServer((socket) => void socket.pipe(socket).on('error', () => {})).listen(0, '127.0.0.1')
  udp = await boundUdp()
  udp.on('message', (bytes, { port }) => udp.send(`${bytes.toString()} ${port}`, port, '127.0.0.1'))
  if (!tcp.listening) await once(tcp, 'listening')
})
afterEach(async () => {
  await running?.stop()
  running = undefined
  udp.close()
  tcp.close()
  rmSync(cwd, { recursive: true })
})

async function boundUdp(): Promise<UdpSocket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

/** A UDP port that nobody has. */
async function freeUdpPort(): Promise<number> {
  const socket = await boundUdp()
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

const yaml = (listen: string, gracePeriod = 5): string => `listen: [${listen}]
workers: 2
metrics: false
shutdown: { grace_period: ${gracePeriod} }
stream_routes:
  - { id: tcp, upstream: "tcp://127.0.0.1:${portOf(tcp)}" }
  - { id: udp, upstream: "udp://127.0.0.1:${udp.address().port}" }
`
const TCP = '{ address: "127.0.0.1:0", protocol: tcp }'

async function start(text: string): Promise<Sekisho> {
  writeFileSync(join(cwd, 'sekisho.yaml'), text)
  running = new Sekisho(['start'], { cwd })
  await running.printed(/^serving /m)
  return running
}

async function asked(socket: Socket, text: string): Promise<string> {
  const answer = once(socket, 'data')
  socket.write(text)
  return String((await answer)[0])
}

/** The answer to a datagram; undefined when none comes within a quarter of a second: the network may lose it. */
async function askUdp(socket: UdpSocket, port: number, text: string): Promise<string | undefined> {
  socket.send(text, port, '127.0.0.1')
  const answer = once(socket, 'message', { signal: AbortSignal.timeout(250) })
  return answer.then(
    ([bytes]) => String(bytes),
    () => undefined,
  )
}

it('serves HTTP, TCP and UDP beside each other, and an upgrade keeps open connections', async () => {
  const port = await freeUdpPort()
  const sekisho = await start(yaml(`"127.0.0.1:0", ${TCP}, { address: "127.0.0.1:${port}", protocol: udp }`))
  const [, tcpPort] = /tcp:\/\/127\.0\.0\.1:(\d+)/.exec(sekisho.stderr) ?? []
  expect(sekisho.stderr).toMatch(
    new RegExp(
      `^serving sekisho\\.yaml on http://127\\.0\\.0\\.1:\\d+, tcp://127\\.0\\.0\\.1:\\d+, udp://127\\.0\\.0\\.1:${port},`,
    ),
  )
  const open = connect(Number(tcpPort), '127.0.0.1')
  expect(await asked(open, 'before')).toBe('before')
  const client = await boundUdp()
  const first = await eventually(
    () => askUdp(client, port, 'a'),
    (answer) => answer !== undefined,
  )
  // The same worker, whichever sends.
  expect(
    await eventually(
      () => askUdp(client, port, 'a'),
      (answer) => answer !== undefined,
    ),
  ).toBe(first)

  sekisho.child.kill('SIGUSR2')
  await sekisho.printed(/generation 2/)
  expect(await asked(open, 'after')).toBe('after')
  const fresh = connect(Number(tcpPort), '127.0.0.1')
  expect(await asked(fresh, 'new')).toBe('new')
  expect(
    await eventually(
      () => askUdp(client, port, 'b'),
      (answer) => answer !== undefined,
    ),
  ).toMatch(/^b \d+$/)
  fresh.destroy()
  open.destroy()
  client.close()
}, 30_000)

it('serves UDP alone, and stops at once when no client waits', async () => {
  const port = await freeUdpPort()
  const sekisho = await start(yaml(`{ address: "127.0.0.1:${port}", protocol: udp }`, 30))
  const client = await boundUdp()
  await eventually(
    () => askUdp(client, port, 'a'),
    (answer) => answer !== undefined,
  )
  client.close()
  sekisho.child.kill('SIGTERM')
  expect(await sekisho.exited).toBe(0)
}, 30_000)

it('says so when a UDP port is in use', async () => {
  writeFileSync(join(cwd, 'sekisho.yaml'), yaml(`8080, { address: "127.0.0.1:${udp.address().port}", protocol: udp }`))
  running = new Sekisho(['start'], { cwd })
  expect(await running.exited).toBe(1)
  expect(running.stderr).toMatch(/cannot listen on udp 127\.0\.0\.1:\d+: the port is in use; .*EADDRINUSE/)
}, 30_000)

it('cuts connections that are open when the grace period is over', async () => {
  const sekisho = await start(yaml(TCP, 0.3))
  const [, tcpPort] = /tcp:\/\/127\.0\.0\.1:(\d+)/.exec(sekisho.stderr) ?? []
  const open = connect(Number(tcpPort), '127.0.0.1')
  expect(await asked(open, 'x')).toBe('x')
  sekisho.child.kill('SIGTERM')
  await once(open.resume(), 'close')
  expect(await sekisho.exited).toBe(0)
}, 30_000)
