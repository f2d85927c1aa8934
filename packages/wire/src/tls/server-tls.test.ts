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
    const { deadlines, ...clock } = { ...new FakeClock() }
    expect(clock).toBeDefined()
    const fake = new FakeClock()
    const listening = await start(tlsContext(), { deadlines: fake.deadlines, handshakeTimeoutMs: 500 })
    expect(deadlines).toBeDefined()
    const raw = connectPlain(listening.port, '127.0.0.1')
    await listening.until(() => true)
    while (listening.listener.unopened === 0) await new Promise((resolve) => setImmediate(resolve))
    fake.pass(500)
    expect(listening.refused).toEqual(['no ClientHello within 500 ms'])
    await once(raw, 'close')
    await listening.empty()
  })
})
