import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectPlain, createServer, type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import {
  ALICE_CERTIFICATE,
  AUTHORITY,
  CLIENT_KEY,
  MALLORY_CERTIFICATE,
  RSA_CERTIFICATE,
  RSA_KEY,
} from '../testing/certificates.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { RawClient } from '../testing/listening.ts'
import { RecordingOwner } from '../testing/recording-owner.ts'
import { ECDSA, tlsContext, TlsListening } from '../testing/tls-listening.ts'
import { startServerTls } from './server-tls-socket.ts'
import { singleCertificate } from './server-tls.ts'

const running: { stop(): void }[] = []
afterEach(() => {
  for (const one of running.splice(0)) one.stop()
})
const start = async (...args: Parameters<typeof TlsListening.start>): Promise<TlsListening> => {
  const listening = await TlsListening.start(...args)
  running.push(listening)
  return listening
}
const closing = (client: TLSSocket): TLSSocket => {
  running.push({ stop: () => client.destroy() })
  client.on('error', () => undefined)
  return client
}
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

describe('a handshake', () => {
  it.each(VERSIONS)('of %s tells what it came to', async (version) => {
    const context = tlsContext({ alpn: ['h2', 'http/1.1'] })
    const listening = await start(context)
    const client = closing(await listening.connect({ ALPNProtocols: ['http/1.1', 'h2'], maxVersion: version }))
    expect(await listening.talk(client)).toBe('HELLO')
    const { info, socket } = listening.opened[0]
    expect(client.alpnProtocol).toBe('h2')
    expect(info.protocol).toBe('h2')
    expect(info.tls).toMatchObject({
      context,
      serverName: 'a.test',
      protocol: version,
      cipher: client.getCipher().name,
      alpn: 'h2',
      resumed: false,
      authorized: false,
      authorizationError: undefined,
    })
    expect(info.tls?.peerCertificate()).toBeUndefined()
    expect(socket.remoteAddress).toBe('127.0.0.1')
    expect(socket.remotePort).toBe(client.localPort)
    expect(listening.listener.connections).toBe(1)
    expect(listening.listener.unopened).toBe(0)
    client.destroy()
    await listening.empty()
  })

  it('without protocols leaves the protocol open', async () => {
    const listening = await start(tlsContext())
    const client = closing(await listening.connect())
    await listening.talk(client)
    expect(listening.opened[0].info.protocol).toBe('')
  })

  it('with other protocols is refused', async () => {
    const listening = await start(tlsContext({ alpn: ['h2'] }))
    await expect(listening.connect({ ALPNProtocols: ['x'] })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    })
    await listening.until(() => listening.refused.length > 0)
    expect(listening.refused).toEqual(['TLS handshake failed: no application protocol'])
    await listening.empty()
  })

  it('is held with the kind of certificate that the client understands', async () => {
    const listening = await start(tlsContext({ certs: [ECDSA, { cert: RSA_CERTIFICATE, key: RSA_KEY }] }))
    const kinds: (string | undefined)[] = []
    for (const sigalgs of ['ecdsa_secp256r1_sha256', 'rsa_pss_rsae_sha256']) {
      const client = closing(await listening.connect({ sigalgs }))
      kinds.push(client.getPeerX509Certificate()?.publicKey.asymmetricKeyType)
    }
    expect(kinds).toEqual(['ec', 'rsa'])
  })

  it('of a version that is too old is refused', async () => {
    const listening = await start(tlsContext({ minVersion: 'TLSv1.3' }))
    await expect(listening.connect({ maxVersion: 'TLSv1.2' })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    })
    await listening.until(() => listening.refused.length > 0)
    expect(listening.refused).toEqual(['TLS handshake failed: unsupported protocol'])
  })

  it('for a name without a certificate is refused with the alert that says so', async () => {
    const listening = await start(tlsContext(), { tls: { contextFor: () => undefined } })
    await expect(listening.connect()).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME' })
    expect(listening.refused).toEqual(['no certificate for a.test'])
    await listening.empty()
  })

  it('one byte at a time works', async () => {
    const listening = await start(tlsContext())
    const raw = connectPlain({ port: listening.port, host: '127.0.0.1', noDelay: true })
    const slow = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _, done) => {
        const send = (at: number): void => {
          if (at === chunk.length) done()
          else raw.write(chunk.subarray(at, at + 1), () => setImmediate(send, at + 1))
        }
        send(0)
      },
    })
    raw.on('data', (bytes) => slow.push(bytes))
    const client = closing(connect({ socket: slow, servername: 'a.test', ca: AUTHORITY }))
    await once(client, 'secureConnect')
    expect(await listening.talk(client, 'slow')).toBe('SLOW')
    raw.destroy()
    await listening.empty()
  })

  it('takes a limited time', async () => {
    const clock = new FakeClock()
    const listening = await start(tlsContext(), { deadlines: clock.deadlines, handshakeTimeoutMs: 500 })
    const raw = connectPlain(listening.port, '127.0.0.1')
    running.push({ stop: () => raw.destroy() })
    // The client gets no answer, and so never goes on.
    const deaf = new Duplex({ read: () => undefined, write: (chunk, _, done) => raw.write(chunk, () => done()) })
    const client = closing(connect({ socket: deaf, servername: 'a.test' }))
    await once(raw, 'data')
    expect(listening.listener.unopened).toBe(1)
    clock.pass(500)
    expect(listening.refused).toEqual(['no TLS handshake within 500 ms'])
    await listening.empty()
    expect(listening.listener.unopened).toBe(0)
    expect(clock.deadlines.size).toBe(0)
    client.destroy()
  })

  it.each(['FIN', 'RST'])('that the client breaks off by %s leaves nothing behind', async (way) => {
    const clock = new FakeClock()
    const listening = await start(tlsContext(), { deadlines: clock.deadlines })
    const raw = connectPlain({ port: listening.port, host: '127.0.0.1', allowHalfOpen: true })
    const deaf = new Duplex({ read: () => undefined, write: (chunk, _, done) => raw.write(chunk, () => done()) })
    closing(connect({ socket: deaf, servername: 'a.test' }))
    await once(raw, 'data')
    if (way === 'FIN') raw.end()
    else raw.resetAndDestroy()
    await listening.until(() => listening.refused.length > 0)
    expect(listening.refused[0]).toMatch(way === 'FIN' ? /^the client left before its TLS handshake$/ : /ECONNRESET$/)
    await listening.empty()
    expect(listening.refused).toHaveLength(1)
    expect([listening.listener.unopened, clock.deadlines.size]).toEqual([0, 0])
    raw.destroy()
  })

  it('that breaks the rules is refused, with what OpenSSL says of it', async () => {
    const listening = await start(tlsContext())
    const raw = connectPlain(listening.port, '127.0.0.1')
    const spoiling = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _, done) => {
        // The first key share or cipher suite list is nonsense now; its form is good.
        const at = chunk.indexOf(Buffer.from([0x00, 0x1d, 0x00, 0x20]))
        if (at > 0) chunk[at + 3] = 0x1f
        raw.write(chunk, () => done())
      },
    })
    raw.on('data', (bytes) => spoiling.push(bytes))
    closing(connect({ socket: spoiling, servername: 'a.test', minVersion: 'TLSv1.3' }))
    await listening.until(() => listening.refused.length > 0)
    expect(listening.refused).toEqual([expect.stringMatching(/^TLS handshake failed: (bad|length)/)])
    await listening.empty()
    raw.destroy()
  })

  it('is explained to a client of plain HTTP', async () => {
    const listening = await start(tlsContext())
    const raw = new RawClient({ port: listening.port })
    raw.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await raw.untilEnd()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*speaks HTTPS[^]*\n$/)
    raw.socket.end()
    await listening.empty()
  })
})

describe('an encrypted connection', () => {
  it.each(VERSIONS)('of %s carries much at once, both ways', async (version) => {
    const listening = await start(tlsContext())
    const client = closing(await listening.connect({ maxVersion: version }))
    const text = 'abcdefgh'.repeat(250_000)
    expect(await listening.talk(client, text)).toBe(text.toUpperCase())
  })

  it('stays open in the other direction', async () => {
    const listening = await start(tlsContext())
    const client = closing(await listening.connect({ allowHalfOpen: true } as object))
    await listening.talk(client)
    const { socket, owner } = listening.opened[0]
    owner.onEnd = () => setImmediate(() => socket.end('bye'))
    client.end('last')
    let rest = ''
    for await (const bytes of client) rest += String(bytes)
    expect(rest).toBe('LASTbye')
    await listening.empty()
    expect(owner.closed).toBeNull()
  })

  it('is cut when its bytes are spoilt', async () => {
    const listening = await start(tlsContext())
    const raw = connectPlain(listening.port, '127.0.0.1')
    const client = closing(connect({ socket: raw, servername: 'a.test', ca: AUTHORITY }))
    await once(client, 'secureConnect')
    await listening.talk(client)
    raw.write(Buffer.from([23, 3, 3, 0, 32, ...Buffer.alloc(32)]))
    await listening.empty()
    expect(listening.opened[0].owner.closed).toMatchObject({ code: 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC' })
    expect(listening.refused).toEqual([])
  })

  it('can be reset', async () => {
    const listening = await start(tlsContext())
    const client = closing(await listening.connect())
    await listening.talk(client)
    const failed = once(client, 'error')
    listening.opened[0].socket.resetAndDestroy()
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
    await listening.empty()
  })

  it('is not negotiated anew', async () => {
    const listening = await start(tlsContext())
    const client = closing(await listening.connect({ maxVersion: 'TLSv1.2' }))
    await listening.talk(client)
    const error = await new Promise((resolve) => {
      client.once('error', resolve)
      client.renegotiate({ rejectUnauthorized: false }, (told) => resolve(told))
    })
    expect(error).toMatchObject({ code: 'ERR_SSL_NO_RENEGOTIATION' })
  })

  it('works in the documented way too, should the other be gone', async () => {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    running.push({ stop: () => server.close() })
    const owner = new RecordingOwner()
    const accepted = new Promise<Socket>((resolve) =>
      server.once('connection', (raw: Socket) =>
        raw.once('data', (bytes) => {
          const socket = startServerTls(raw, bytes, tlsContext(), owner, null)
          owner.onText = (text) => socket.write(text.toUpperCase())
          resolve(socket)
        }),
      ),
    )
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = closing(connect({ port, host: '127.0.0.1', servername: 'a.test', ca: AUTHORITY }))
    await once(client, 'secureConnect')
    client.write('hello')
    expect(String(((await once(client, 'data')) as [Buffer])[0])).toBe('HELLO')
    const failed = once(client, 'error')
    ;(await accepted).resetAndDestroy()
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
  })
})

describe('a client’s certificate', () => {
  const mtls = { clientCa: AUTHORITY }
  const alice = { cert: ALICE_CERTIFICATE, key: CLIENT_KEY }
  const mallory = { cert: MALLORY_CERTIFICATE, key: CLIENT_KEY }

  it.each(VERSIONS)('is asked for in %s, and does not fail the handshake', async (version) => {
    const listening = await start(tlsContext(mtls))
    const verdicts: unknown[] = []
    for (const one of [alice, mallory, {}]) {
      const client = closing(await listening.connect({ ...one, maxVersion: version }))
      await listening.talk(client)
      const tls = listening.opened.at(-1)?.info.tls
      verdicts.push([tls?.authorized, tls?.authorizationError, tls?.peerCertificate()?.subject.CN])
    }
    expect(verdicts).toEqual([
      [true, undefined, 'alice'],
      [false, expect.stringMatching(/UNABLE_TO/), 'mallory'],
      [false, undefined, undefined],
    ])
    expect(listening.opened[0].info.tls?.peerCertificate()?.issuerCertificate.subject.CN).toBe('wire authority')
  })

  it.each(VERSIONS)('is known again in a resumed session of %s, and so is that there was none', async (version) => {
    const listening = await start(tlsContext(mtls))
    for (const [one, authorized, name] of [
      [alice, true, 'alice'],
      [mallory, false, 'mallory'],
      [{}, false, undefined],
    ] as const) {
      const session = await sessionOf(listening, { ...one, maxVersion: version })
      const client = closing(await listening.connect({ ...one, maxVersion: version, session }))
      await listening.talk(client)
      const tls = listening.opened.at(-1)?.info.tls
      expect([tls?.resumed, tls?.authorized, tls?.peerCertificate()?.subject.CN]).toEqual([true, authorized, name])
    }
  })

  it('is still known when the connection is closed', async () => {
    const listening = await start(tlsContext(mtls))
    const client = closing(await listening.connect(alice))
    await listening.talk(client)
    client.destroy()
    await listening.empty()
    expect(listening.opened[0].info.tls?.peerCertificate()?.subject.CN).toBe('alice')
  })
})

/** A session that was used, and can be resumed. */
async function sessionOf(listening: TlsListening, options: object): Promise<Buffer> {
  const client = closing(await listening.connect(options))
  const sessions: Buffer[] = []
  client.on('session', (one: Buffer) => sessions.push(one))
  await listening.talk(client)
  const session = sessions.at(-1) ?? client.getSession()
  client.destroy()
  if (session === undefined) throw new Error('no session')
  return session
}

describe('a session', () => {
  const ticketKeys = randomBytes(48)

  it.each(VERSIONS)('of %s is resumed by whoever has the same keys', async (version) => {
    const options = { maxVersion: version }
    const first = await start(tlsContext({ ticketKeys }))
    const second = await start(tlsContext({ ticketKeys }))
    const session = await sessionOf(first, options)
    const client = closing(await second.connect({ ...options, session }))
    await second.talk(client)
    expect(client.isSessionReused()).toBe(true)
    expect(second.opened[0].info.tls?.resumed).toBe(true)
  })

  it.each(
    VERSIONS.flatMap((version) => [
      [version, 'with other keys', { ticketKeys: randomBytes(48) }] as const,
      [version, 'under another context', { ticketKeys, id: 'b' }] as const,
      [version, 'where another authority is asked', { ticketKeys, clientCa: MALLORY_CERTIFICATE }] as const,
    ]),
  )('of %s is not resumed %s', async (version, _, other) => {
    const options = { maxVersion: version }
    const first = await start(tlsContext({ ticketKeys }))
    const second = await start(tlsContext(other))
    const session = await sessionOf(first, options)
    const client = closing(await second.connect({ ...options, session }))
    expect(await second.talk(client)).toBe('HELLO')
    expect(second.opened[0].info.tls?.resumed).toBe(false)
  })
})

it.each(VERSIONS)('no session of %s is resumed where that is turned off', async (version) => {
  const options = { maxVersion: version }
  const listening = await start(tlsContext({ resumption: false }))
  const session = await sessionOf(listening, options)
  const client = closing(await listening.connect({ ...options, session }))
  await listening.talk(client)
  expect(listening.opened[1].info.tls?.resumed).toBe(false)
})

describe('a context', () => {
  it('is not made of what OpenSSL cannot use', () => {
    expect(() => tlsContext({ certs: [{ cert: RSA_CERTIFICATE, key: CLIENT_KEY }] })).toThrow(/does not belong/)
    expect(() => tlsContext({ certs: [{ cert: 'no PEM', key: RSA_KEY }] })).toThrow(/no start line/)
    expect(() => tlsContext({ ciphers: 'NO-SUCH' })).toThrow(/no cipher match/)
    expect(() => tlsContext({ groups: 'NO-SUCH' })).toThrow()
    expect(() => tlsContext({ ticketKeys: randomBytes(47) })).toThrow(/48/)
    expect(() => tlsContext({ clientCa: 'no PEM' })).toThrow()
  })

  it('of a single certificate serves every name', () => {
    const tls = singleCertificate(ECDSA, ['h2', 'http/1.1'])
    const hello = { serverName: 'x', alpn: [], versions: [] }
    expect(tls.contextFor(hello)).toMatchObject({ alpn: ['h2', 'http/1.1'], requestClientCertificate: false })
    expect(tls.contextFor({ ...hello, serverName: '' })).toBe(tls.contextFor(hello))
  })
})
