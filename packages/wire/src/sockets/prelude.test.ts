import { describe, expect, it } from 'vitest'
import { writeProxyHeader } from '../proxy-protocol/write-proxy-header.ts'
import { alpn, hello, serverName } from '../testing/client-hello-bytes.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { MemorySocket, settle } from '../testing/memory-socket.ts'
import { RecordingOwner } from '../testing/recording-owner.ts'
import type { ClientHello } from '../tls/client-hello.ts'
import { PLAIN, type ConnectionInfo } from './connection-info.ts'
import { Prelude, type PreludeOptions } from './prelude.ts'

const ADDRESSES = {
  sourceAddress: '192.0.2.99',
  sourcePort: 50_000,
  destinationAddress: '198.51.100.1',
  destinationPort: 443,
}

function begin(options: Partial<PreludeOptions> = {}) {
  const socket = new MemorySocket()
  const clock = new FakeClock()
  const owner = new RecordingOwner()
  const opened: ConnectionInfo[] = []
  const refused: string[] = []
  const waiting = new Set<Prelude>()
  const prelude = new Prelude(socket.asSocket, {
    open: (_, info) => {
      opened.push(info)
      return owner
    },
    passThrough: undefined,
    tls: undefined,
    proxyProtocol: undefined,
    timeoutMs: 10_000,
    deadlines: clock.deadlines,
    onRefused: (reason) => refused.push(reason),
    waiting,
    ...options,
  })
  socket.attach(prelude)
  return { socket, clock, owner, opened, refused, waiting, prelude }
}

describe('the PROXY protocol', () => {
  it.each([1, 2] as const)('of version %i says who the client is', (version) => {
    const { socket, owner, opened, waiting } = begin({ proxyProtocol: 'required' })
    const bytes = writeProxyHeader(version, ADDRESSES).toString('latin1')
    socket.receiveInPieces(bytes, 1)
    expect(opened).toEqual([{ tls: undefined, protocol: '', proxied: ADDRESSES }])
    expect(owner.received).toBe('')
    socket.receive('GET ')
    socket.receive('/')
    expect(owner.received).toBe('GET /')
    expect(waiting.size).toBe(0)
  })

  it('hands over what came with the header', () => {
    const { socket, owner } = begin({ proxyProtocol: 'required' })
    socket.receive(Buffer.concat([writeProxyHeader(2, ADDRESSES), Buffer.from('GET /')]))
    expect(owner.received).toBe('GET /')
  })

  it('leaves the addresses of a proxy that speaks for itself', () => {
    const { socket, opened } = begin({ proxyProtocol: 'required' })
    socket.receive('PROXY UNKNOWN\r\n')
    expect(opened).toEqual([PLAIN])
  })

  it('is required', () => {
    const { socket, opened, refused } = begin({ proxyProtocol: 'required' })
    socket.receive('GET / HTTP/1.1\r\n\r\n')
    expect(socket.destroyed).toBe(true)
    expect(refused).toEqual(['no PROXY protocol header'])
    expect(opened).toEqual([])
  })

  it('is optional', () => {
    const { socket, owner, opened } = begin({ proxyProtocol: 'optional' })
    socket.receive('P')
    expect(opened).toEqual([])
    socket.receive('UT / HTTP/1.1\r\n')
    expect(opened).toEqual([PLAIN])
    expect(owner.received).toBe('PUT / HTTP/1.1\r\n')
  })

  it.each([
    ['PROXY TCP4 a b c d\r\n', 'malformed PROXY protocol header'],
    ['PROXY ' + 'x'.repeat(200), 'PROXY protocol header too large'],
  ])('that is malformed closes the connection, required or not', (text, reason) => {
    for (const proxyProtocol of ['required', 'optional'] as const) {
      const { socket, refused } = begin({ proxyProtocol })
      socket.receive(text)
      expect(socket.destroyed).toBe(true)
      expect(refused).toEqual([reason])
    }
  })
})

describe('the name that a client wants', () => {
  const bytes = hello(serverName('a.test'), alpn('h2'))

  it('is seen before a certificate is chosen, and all bytes again by who takes the connection', () => {
    const seen: [ClientHello, ConnectionInfo][] = []
    const owner = new RecordingOwner()
    const { socket, opened, waiting } = begin({
      proxyProtocol: 'required',
      passThrough: (_, told, info) => {
        seen.push([told, info])
        return owner
      },
    })
    socket.receive(Buffer.concat([writeProxyHeader(1, ADDRESSES), bytes.subarray(0, 20)]))
    socket.receive(bytes.subarray(20))
    socket.receive('more')
    expect(seen).toEqual([
      [
        { serverName: 'a.test', alpn: ['h2'], versions: [0x0303] },
        { tls: undefined, protocol: '', proxied: ADDRESSES },
      ],
    ])
    expect(owner.received).toBe(bytes.toString('latin1') + 'more')
    expect(opened).toEqual([])
    expect(waiting.size).toBe(0)
  })

  it.each<[string, Partial<PreludeOptions>, number, string]>([
    ['that nobody serves', { tls: { contextFor: () => undefined } }, 112, 'no certificate for a.test'],
    ['that nobody takes', { passThrough: () => undefined }, 112, 'no certificate for a.test'],
    [
      'whose certificate cannot be used',
      {
        tls: {
          contextFor: () => {
            throw new Error('bad key')
          },
        },
      },
      80,
      'no certificate could be chosen: bad key',
    ],
  ])('%s is refused with an alert', async (_, options, alert, reason) => {
    const { socket, refused, waiting } = begin(options)
    socket.receive(bytes)
    socket.receive('dropped')
    socket.receiveEnd()
    await settle()
    expect(Buffer.from(socket.sent, 'latin1')).toEqual(Buffer.from([21, 3, 3, 0, 2, 2, alert]))
    expect(refused).toEqual([reason])
    expect(socket.destroyed).toBe(true)
    expect(waiting.size).toBe(0)
  })
})

describe('what is not TLS', () => {
  const tls = { contextFor: () => undefined }

  it('is told so, if it is HTTP', async () => {
    const { socket, clock, refused } = begin({ tls })
    socket.receive('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await settle()
    expect(socket.sent).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*speaks HTTPS/)
    expect(refused).toEqual(['plain HTTP on a TLS port'])
    expect(socket.destroyed).toBe(false)
    clock.pass(2_000)
    expect(socket.destroyed).toBe(true)
    expect(refused).toHaveLength(1)
  })

  it('is not listened to for long', async () => {
    const { socket } = begin({ tls })
    socket.receive('POST / HTTP/1.1\r\n\r\n')
    for (let sent = 0; sent < 70_000; sent += 1_000) socket.receive('x'.repeat(1_000))
    expect(socket.destroyed).toBe(true)
  })

  it.each([
    ['SSH-2.0-x\r\n', 'not TLS', ''],
    [hello(serverName('a b')).toString('latin1'), 'malformed ClientHello', '\x15\x03\x03\0\x02\x02\x32'],
    ['\x16\x03\x01\x40\0\x01\x01\0\0', 'ClientHello too large', '\x15\x03\x03\0\x02\x02\x32'],
  ])('or no good TLS is closed', async (text, reason, answer) => {
    const { socket, refused } = begin({ tls })
    socket.receive(text)
    socket.receiveEnd()
    await settle()
    expect(socket.sent).toBe(answer)
    expect(refused).toEqual([reason])
    expect(socket.destroyed).toBe(true)
  })
})

describe('time', () => {
  it.each<[string, Partial<PreludeOptions>, string, string]>([
    ['nothing', { tls: { contextFor: () => undefined } }, '', 'no ClientHello within 10000 ms'],
    ['half a ClientHello', { tls: { contextFor: () => undefined } }, '\x16\x03', 'no ClientHello within 10000 ms'],
    ['half a header', { proxyProtocol: 'optional' }, 'PROXY', 'no PROXY protocol header within 10000 ms'],
  ])('is up for a client that sends %s', (_, options, text, reason) => {
    const { socket, clock, refused, waiting } = begin(options)
    clock.pass(5_000)
    if (text !== '') socket.receive(text)
    clock.pass(4_999)
    expect(socket.destroyed).toBe(false)
    clock.pass(1)
    expect(socket.destroyed).toBe(true)
    expect(refused).toEqual([reason])
    expect([waiting.size, clock.deadlines.size]).toEqual([0, 0])
  })

  it('runs for header and ClientHello together', () => {
    const { socket, clock } = begin({ tls: { contextFor: () => undefined }, proxyProtocol: 'required' })
    clock.pass(9_000)
    socket.receive(writeProxyHeader(1, ADDRESSES))
    clock.pass(1_000)
    expect(socket.destroyed).toBe(true)
  })

  it('is over with the last step', () => {
    const { socket, clock } = begin({ proxyProtocol: 'required' })
    socket.receive(writeProxyHeader(1, ADDRESSES))
    clock.pass(60_000)
    expect(socket.destroyed).toBe(false)
    expect(clock.deadlines.size).toBe(0)
  })
})

describe('a client that leaves', () => {
  it('without a word is nothing to speak of', async () => {
    const { socket, refused, waiting } = begin({ proxyProtocol: 'required' })
    socket.receiveEnd()
    await settle()
    expect(socket.destroyed).toBe(true)
    expect(refused).toEqual([])
    expect(waiting.size).toBe(0)
  })

  it('in the middle is', async () => {
    const { socket, refused, waiting, clock } = begin({ proxyProtocol: 'required' })
    socket.receive('PROXY TCP4')
    socket.receiveEnd()
    await settle()
    expect(refused).toEqual(['the client left before its PROXY protocol header'])
    expect([waiting.size, clock.deadlines.size]).toEqual([0, 0])
  })

  it('by a reset too', async () => {
    const { socket, refused, waiting } = begin({ tls: { contextFor: () => undefined } })
    socket.receive('\x16')
    socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
    await settle()
    expect(refused).toEqual(['ECONNRESET'])
    expect(waiting.size).toBe(0)
  })
})

it('a prelude is cut without a word', async () => {
  const { socket, refused, waiting, prelude } = begin({ proxyProtocol: 'required' })
  socket.receive('PROXY')
  prelude.destroy()
  await settle()
  expect(socket.destroyed).toBe(true)
  expect(refused).toEqual([])
  expect(waiting.size).toBe(0)
})
