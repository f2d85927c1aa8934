import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RecordingOwner } from '../testing/recording-owner.ts'
import type { ConnectionInfo } from '../sockets/connection-info.ts'
import { Listener } from '../sockets/listener.ts'
import { writeProxyHeader } from './write-proxy-header.ts'

const present = spawnSync('haproxy', ['-v']).status === 0

/** A port that is free at this moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** All that the other side says before it closes. */
async function ask(port: number, bytes: Buffer): Promise<{ readonly answer: string; readonly localPort: number }> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const localPort = socket.localPort ?? 0
  socket.write(bytes)
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  return { answer, localPort }
}

describe.skipIf(!present)(`beside haproxy${present ? '' : ', which is missing here'}`, () => {
  const opened: ConnectionInfo[] = []
  const ports: Record<string, number> = {}
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-'))
  let listener: Listener
  let haproxy: ChildProcess

  beforeAll(async () => {
    listener = await Listener.listen(
      { host: '127.0.0.1', port: 0 },
      {
        maxConnections: 10,
        proxyProtocol: 'required',
        open: (socket, info) => {
          opened.push(info)
          const owner = new RecordingOwner()
          owner.onText = (text) => socket.end(text.toUpperCase())
          return owner
        },
      },
    )
    const us = `127.0.0.1:${(listener.address as AddressInfo).port}`
    for (const name of ['v1', 'v2', 'fields', 'accept']) ports[name] = await freePort()
    const through = (name: string, how: string): string =>
      `listen ${name}\n  mode tcp\n  bind 127.0.0.1:${ports[name]}\n  server us ${us} ${how}\n`
    const configuration =
      'global\n  maxconn 100\ndefaults\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n' +
      through('v1', 'send-proxy') +
      through('v2', 'send-proxy-v2') +
      through('fields', 'send-proxy-v2 proxy-v2-options crc32c,unique-id').replace(
        '  server',
        '  unique-id-format id-%Ts\n  server',
      ) +
      `frontend accept\n  mode http\n  bind 127.0.0.1:${ports['accept']} accept-proxy\n` +
      '  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"\n'
    const file = join(folder, 'haproxy.cfg')
    writeFileSync(file, configuration)
    haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' })
    for (const port of Object.values(ports)) {
      for (let up = false; !up;) {
        const probe = connect(port, '127.0.0.1')
        up = await new Promise((resolve) =>
          probe.once('connect', () => resolve(true)).once('error', () => resolve(false)),
        )
        probe.destroy()
      }
    }
    opened.length = 0
  })

  afterAll(async () => {
    haproxy.kill('SIGKILL')
    await once(haproxy, 'exit')
    listener.stopAccepting()
    rmSync(folder, { recursive: true })
  })

  it.each(['v1', 'v2', 'fields'])('its header (%s) is understood', async (name) => {
    const before = opened.length
    const { answer, localPort } = await ask(ports[name], Buffer.from('hello'))
    expect(answer).toBe('HELLO')
    const proxied = opened.slice(before).find((info) => info.proxied?.sourcePort === localPort)?.proxied
    expect(proxied).toMatchObject({
      sourceAddress: '127.0.0.1',
      sourcePort: localPort,
      destinationAddress: '127.0.0.1',
      destinationPort: ports[name],
    })
    const id = proxied?.tlvs?.find((tlv) => tlv.type === 5)
    expect(id === undefined ? '' : String(id.value)).toMatch(name === 'fields' ? /^id-\d+$/ : /^$/)
  })

  it.each([1, 2] as const)('it understands ours of version %i', async (version) => {
    for (const [source, destination] of [
      ['192.0.2.7', '198.51.100.1'],
      ['2001:db8::7', '2001:db8:0:1::1'],
    ]) {
      const header = writeProxyHeader(version, {
        sourceAddress: source,
        sourcePort: 50_000,
        destinationAddress: destination,
        destinationPort: 443,
        tlvs: [{ type: 0xe0, value: Buffer.from('own') }],
      })
      const request = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      const { answer } = await ask(ports['accept'], Buffer.concat([header, request]))
      expect(answer.split('\r\n\r\n')[1]).toBe(`${source} 50000 ${destination} 443`)
    }
  })

  it.each([1, 2] as const)('it takes ours of version %i without addresses for what it is', async (version) => {
    const request = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    const { answer, localPort } = await ask(
      ports['accept'],
      Buffer.concat([writeProxyHeader(version, undefined), request]),
    )
    expect(answer.split('\r\n\r\n')[1]).toBe(`127.0.0.1 ${localPort} 127.0.0.1 ${ports['accept']}`)
  })
})
