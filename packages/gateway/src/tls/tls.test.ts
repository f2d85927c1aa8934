import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { keyExchangeGroups, POST_QUANTUM_GROUP } from './key-exchange.ts'
import { A_RSA_CERTIFICATE, A_RSA_KEY } from './testing/rsa-certificate.ts'
import {
  A_CERTIFICATE,
  A_RENEWED,
  B_CERTIFICATE,
  KEY,
  UPSTREAM_CERTIFICATE,
  WILD_CERTIFICATE,
} from './testing/server-certificates.ts'
import { TlsGateway } from './testing/tls-gateway.ts'

const A = { id: 'a', sni: 'a.test', cert: A_CERTIFICATE, key: KEY }
const B = { id: 'b', sni: 'b.test', cert: B_CERTIFICATE, key: KEY }
const WILD = { id: 'wild', sni: '*.wild.test', cert: WILD_CERTIFICATE, key: KEY }

let gateway: TlsGateway
afterEach(() => gateway.close())

const handshake = async (options: ConnectionOptions): Promise<TLSSocket> => (await gateway.connect(options)).socket

describe('certificates by name', () => {
  test.each([
    ['a.test', 'a.test'],
    ['A.TEST', 'a.test'],
    ['b.test', 'b.test'],
    ['x.wild.test', '*.wild.test'],
  ])('%s', async (servername, subject) => {
    gateway = await TlsGateway.start({ ssls: [A, B, WILD] })
    const client = await gateway.connect({ servername })
    expect(client.subject).toBe(subject)
    expect((await client.get('/x', servername)).body.url).toBe('/x')
  })

  test('a name that nobody has is refused, and so is none', async () => {
    gateway = await TlsGateway.start({ ssls: [A, WILD] })
    await expect(gateway.connect({ servername: 'c.test' })).rejects.toThrow(/unrecognized name|ECONNRESET|disconnected/)
    await expect(gateway.connect({ servername: 'y.x.wild.test' })).rejects.toThrow()
    await expect(gateway.connect({ servername: '' })).rejects.toThrow()
  })

  test('the certificate of the listener, where there is one', async () => {
    gateway = await TlsGateway.start({ ssls: [A] }, { fallback: { cert: UPSTREAM_CERTIFICATE, key: KEY } })
    const subject = async (servername: string): Promise<string> =>
      (await gateway.connect({ servername, checkServerIdentity: () => undefined })).subject
    expect(await subject('a.test')).toBe('a.test')
    expect(await subject('c.test')).toBe('upstream.test')
    expect(await subject('')).toBe('upstream.test')
    // "*" goes before it.
    await gateway.update({ ssls: [A, { ...B, sni: '*' }] })
    expect(await subject('c.test')).toBe('b.test')
  })
})

describe('one name, two kinds of keys', () => {
  const both = { ...A, certs: [A_RSA_CERTIFICATE], keys: [A_RSA_KEY] }

  test.each([
    ['ECDSA+SHA256', 'TLSv1.3'],
    ['RSA-PSS+SHA256', 'TLSv1.3'],
    ['ECDSA+SHA256', 'TLSv1.2'],
    ['RSA-PSS+SHA256:RSA+SHA256', 'TLSv1.2'],
  ] as const)('a client that knows %s, in %s', async (sigalgs, version) => {
    gateway = await TlsGateway.start({ ssls: [both] })
    const socket = await handshake({ sigalgs, minVersion: version, maxVersion: version })
    expect(socket.getProtocol()).toBe(version)
    // A modulus is what an RSA key has.
    expect(socket.getPeerCertificate().modulus !== undefined).toBe(sigalgs.startsWith('RSA'))
  })
})

describe('versions and ciphers', () => {
  test('TLS 1.3 alone', async () => {
    gateway = await TlsGateway.start({ ssls: [{ ...A, ssl_protocols: ['TLSv1.3'] }, B] })
    await expect(gateway.connect({ maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version|ECONNRESET/i)
    expect((await handshake({})).getProtocol()).toBe('TLSv1.3')
    expect((await handshake({ servername: 'b.test', maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2')
  })

  test('TLS 1.2 alone', async () => {
    gateway = await TlsGateway.start({ ssls: [{ ...A, ssl_protocols: ['TLSv1.2'] }] })
    expect((await handshake({})).getProtocol()).toBe('TLSv1.2')
    await expect(gateway.connect({ minVersion: 'TLSv1.3' })).rejects.toThrow()
  })

  test('nothing below 1.2, whatever a client is ready for', async () => {
    gateway = await TlsGateway.start({ ssls: [A] })
    const old: ConnectionOptions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }
    await expect(gateway.connect(old)).rejects.toThrow()
  })

  test('ciphers', async () => {
    const cipher = 'ECDHE-ECDSA-AES256-GCM-SHA384'
    gateway = await TlsGateway.start({ ssls: [{ ...A, ciphers: cipher }] })
    expect((await handshake({ maxVersion: 'TLSv1.2' })).getCipher().name).toBe(cipher)
    await expect(gateway.connect({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).rejects.toThrow()
  })
})

test('key exchange is post-quantum with clients that can, where OpenSSL can', async () => {
  gateway = await TlsGateway.start({ ssls: [A] })
  const hybrid = gateway.connect({ ecdhCurve: POST_QUANTUM_GROUP })
  if (keyExchangeGroups() === undefined) await expect(hybrid).rejects.toThrow()
  else expect((await (await hybrid).get('/')).status).toBe(200)
  expect((await (await gateway.connect({ ecdhCurve: 'X25519' })).get('/')).status).toBe(200)
  expect((await (await gateway.connect({ ecdhCurve: 'P-384' })).get('/')).status).toBe(200)
})

describe('ALPN', () => {
  test.each([
    [true, ['h2', 'http/1.1'], 'h2'],
    [true, ['http/1.1'], 'http/1.1'],
    [false, ['h2', 'http/1.1'], 'http/1.1'],
  ])('http2: %s, a client with %j', async (http2, ALPNProtocols, agreed) => {
    gateway = await TlsGateway.start({ ssls: [A] }, { http2 })
    expect((await handshake({ ALPNProtocols })).alpnProtocol).toBe(agreed)
  })

  test('a client that names nothing speaks HTTP/1.1', async () => {
    gateway = await TlsGateway.start({ ssls: [A] })
    const client = await gateway.connect({ ALPNProtocols: [] })
    expect((await client.get('/')).status).toBe(200)
  })
})

describe('live replacement', () => {
  test('the next handshake has the new certificate, an open connection goes on', async () => {
    gateway = await TlsGateway.start({ ssls: [A] })
    const before = await gateway.connect()
    expect((await before.get('/1')).status).toBe(200)
    await gateway.update({ ssls: [{ ...A, cert: A_RENEWED }] })
    expect((await before.get('/2')).body.url).toBe('/2')
    const after = await gateway.connect()
    expect((await after.get('/3')).status).toBe(200)
    expect(after.fingerprint).not.toBe(before.fingerprint)
    expect((await before.get('/4')).body.url).toBe('/4')
  })

  test('names move between resources, and go', async () => {
    gateway = await TlsGateway.start({ ssls: [A, B] })
    await gateway.update({ ssls: [{ ...A, sni: undefined, snis: ['a.test', 'b.test'] }] })
    const moved = await gateway.connect({ servername: 'b.test', checkServerIdentity: () => undefined })
    expect(moved.subject).toBe('a.test')
    await gateway.update({ ssls: [{ ...A, status: 0 }, B] })
    await expect(gateway.connect()).rejects.toThrow()
    expect((await gateway.connect({ servername: 'b.test' })).subject).toBe('b.test')
  })
})

describe('sessions', () => {
  async function ticketOf(options: ConnectionOptions): Promise<Buffer> {
    const client = await gateway.connect(options)
    await client.get('/', options.servername)
    return client.session
  }
  const keys = (fill: number): Buffer => Buffer.alloc(48, fill)

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: resumed by any worker with the same keys', async (maxVersion) => {
    gateway = await TlsGateway.start({ ssls: [A] })
    const other = await TlsGateway.start({ ssls: [A] })
    gateway.gateway.worker.table.ssls.useTicketKeys(keys(1))
    other.gateway.worker.table.ssls.useTicketKeys(keys(1))
    const session = await ticketOf({ servername: 'a.test', maxVersion })
    const resumed = await other.connect({ servername: 'a.test', maxVersion, session })
    expect(resumed.socket.isSessionReused()).toBe(true)
    expect((await resumed.get('/')).status).toBe(200)
    other.gateway.worker.table.ssls.useTicketKeys(keys(2))
    const fresh = await other.connect({ servername: 'a.test', maxVersion, session })
    expect(fresh.socket.isSessionReused()).toBe(false)
    await other.close()
  })

  test('never under another resource', async () => {
    gateway = await TlsGateway.start({ ssls: [A, B] })
    gateway.gateway.worker.table.ssls.useTicketKeys(keys(1))
    const session = await ticketOf({ servername: 'a.test' })
    const other = await gateway.connect({ servername: 'b.test', session })
    expect(other.socket.isSessionReused()).toBe(false)
  })
})
