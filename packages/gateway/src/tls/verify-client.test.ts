import type { DetailedPeerCertificate } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import type { ServerTlsContext, TlsInfo } from '@sekisho/wire'
import { describe, expect, test } from 'vitest'
import type { Ssl } from '../resources/ssl.ts'
import { SslTable } from './ssl-table.ts'
import { AUTHORITY, INTERMEDIATE, OTHER_AUTHORITY, SECOND_INTERMEDIATE } from './testing/authorities.ts'
import { ALICE, BOB, CAROL } from './testing/client-certificates.ts'
import { A_CERTIFICATE, B_CERTIFICATE, KEY } from './testing/server-certificates.ts'
import { verifyClient } from './verify-client.ts'

const SILENT = { error: () => undefined, warn: () => undefined, info: () => undefined }

const asks = (client: Partial<NonNullable<Ssl['client']>> = {}): Partial<Ssl> => ({
  client: { ca: AUTHORITY, ...client },
})
const tableOf = (ssls: Record<string, Partial<Ssl>>): SslTable => {
  const table = new SslTable(SILENT)
  for (const [id, ssl] of Object.entries(ssls)) {
    table.set(id, { id, sni: `${id}.test`, cert: id === 'b' ? B_CERTIFICATE : A_CERTIFICATE, key: KEY, ...ssl })
  }
  return table
}

/** As Node gives a chain: a root is its own issuer. */
function chain(...pems: string[]): DetailedPeerCertificate {
  const [leaf, ...issuers] = pems.map(
    (pem) => ({ raw: new X509Certificate(pem).raw }) as unknown as DetailedPeerCertificate,
  )
  let current = leaf
  for (const issuer of issuers) current = current.issuerCertificate = issuer
  current.issuerCertificate = current
  return leaf
}

const ALICES = chain(ALICE, AUTHORITY)
const BOBS = chain(BOB, INTERMEDIATE, AUTHORITY)
const CAROLS = chain(CAROL, SECOND_INTERMEDIATE, INTERMEDIATE, AUTHORITY)

/** A connection for a name, as the table serves it now. */
function connection(
  table: SslTable,
  name: string,
  peer?: DetailedPeerCertificate,
  authorizationError?: string,
): TlsInfo {
  return {
    context: table.listener({ name: 'test', http2: true, fallback: { cert: A_CERTIFICATE, key: KEY } }).contextFor({
      serverName: name,
      alpn: [],
      versions: [],
    }) as ServerTlsContext,
    serverName: name,
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    alpn: '',
    resumed: false,
    authorized: peer !== undefined && authorizationError === undefined,
    authorizationError,
    peerCertificate: () => peer,
  }
}

const table = tableOf({ a: asks(), b: {} })
const verdict = (tls: TlsInfo, host: string, path = '/', ssls = table) => {
  const refused = verifyClient(ssls, tls, host, path)
  return refused === undefined ? 'accepted' : `${refused.status} ${refused.message}`
}

test('no resource asks: nothing is verified', () => {
  expect(tableOf({ b: {} }).verifying).toBe(0)
  expect(table.verifying).toBe(1)
  const changing = tableOf({ a: asks() })
  changing.set('a', { sni: 'a.test', cert: A_CERTIFICATE, key: KEY })
  expect(changing.verifying).toBe(0)
  changing.set('a', { sni: 'a.test', cert: A_CERTIFICATE, key: KEY, ...asks() })
  expect(changing.verifying).toBe(1)
  changing.set('a', undefined)
  expect(changing.verifying).toBe(0)
})

describe('a connection for the host', () => {
  test.each<[string, TlsInfo, string]>([
    ['a good certificate', connection(table, 'a.test', ALICES), 'accepted'],
    ['one intermediate', connection(table, 'a.test', BOBS), 'accepted'],
    [
      'two intermediates',
      connection(table, 'a.test', CAROLS),
      '400 client certificate verification failed: 2 intermediates, and at most 1 are accepted',
    ],
    ['none', connection(table, 'a.test'), '400 client certificate was not present'],
    [
      'one that is over',
      connection(table, 'a.test', ALICES, 'CERT_HAS_EXPIRED'),
      '400 client certificate verification failed: CERT_HAS_EXPIRED',
    ],
  ])('%s', (_what, tls, expected) => {
    expect(verdict(tls, 'a.test')).toBe(expected)
  })

  test.each([
    [0, ALICES, true],
    [0, BOBS, false],
    [1, BOBS, true],
    [2, CAROLS, true],
  ])('depth %i', (depth, peer, accepted) => {
    const ssls = tableOf({ a: asks({ depth }) })
    expect(verdict(connection(ssls, 'a.test', peer), 'a.test', '/', ssls) === 'accepted').toBe(accepted)
  })

  test('paths without a certificate', () => {
    const ssls = tableOf({ a: asks({ skip_mtls_uri_regex: ['^/open/', '\\.css$'] }), b: {} })
    const tls = connection(ssls, 'a.test')
    expect(verdict(tls, 'a.test', '/open/x', ssls)).toBe('accepted')
    expect(verdict(tls, 'a.test', '/x.css', ssls)).toBe('accepted')
    expect(verdict(tls, 'a.test', '/x/open/', ssls)).toMatch(/^400/)
    // Such a path needs no certificate by another connection either.
    expect(verdict(connection(ssls, 'b.test'), 'a.test', '/open/x', ssls)).toBe('accepted')
  })
})

describe('a connection for another host', () => {
  test.each<[string, TlsInfo, string, string]>([
    ['one that asks for nothing', connection(table, 'b.test'), 'a.test', '421'],
    ['the same, with the name written otherwise', connection(table, 'b.test'), 'a.test.', '421'],
    ['no name, so the certificate of the listener', connection(table, ''), 'a.test', '421'],
    ['the host asks for nothing', connection(table, 'a.test', ALICES), 'b.test', 'accepted'],
    ['the host asks for nothing, the connection does', connection(table, 'a.test'), 'b.test', '400'],
    ['a host that nobody knows', connection(table, 'a.test'), 'c.test', '400'],
    ['neither asks', connection(table, 'b.test'), 'c.test', 'accepted'],
  ])('%s', (_what, tls, host, expected) => {
    expect(verdict(tls, host).split(' ')[0]).toBe(expected)
  })

  test('"*" asks for every host that has no other certificate', () => {
    const ssls = tableOf({ all: { sni: '*', ...asks() }, b: {} })
    expect(verdict(connection(ssls, 'b.test'), 'c.test', '/', ssls)).toMatch(/^421/)
    expect(verdict(connection(ssls, 'c.test', ALICES), 'd.test', '/', ssls)).toBe('accepted')
  })

  test('a wildcard is one resource: its hosts share connections', () => {
    const ssls = tableOf({ wild: { sni: '*.wild.test', ...asks() } })
    expect(verdict(connection(ssls, 'x.wild.test', ALICES), 'y.wild.test', '/', ssls)).toBe('accepted')
  })
})

describe('the configuration changes under an open connection', () => {
  test('other authorities: it has to be made anew', () => {
    const ssls = tableOf({ a: asks() })
    const tls = connection(ssls, 'a.test', ALICES)
    ssls.set('a', { sni: 'a.test', cert: A_CERTIFICATE, key: KEY, client: { ca: OTHER_AUTHORITY } })
    expect(verdict(tls, 'a.test', '/', ssls)).toMatch(/^421/)
  })

  test('a certificate is asked for from now on', () => {
    const ssls = tableOf({ a: {} })
    const tls = connection(ssls, 'a.test')
    ssls.set('a', { sni: 'a.test', cert: A_CERTIFICATE, key: KEY, ...asks() })
    expect(verdict(tls, 'a.test', '/', ssls)).toMatch(/^421/)
  })

  test('a renewed certificate: it goes on', () => {
    const ssls = tableOf({ a: asks() })
    const tls = connection(ssls, 'a.test', ALICES)
    ssls.set('a', { sni: 'a.test', cert: B_CERTIFICATE, key: KEY, ...asks() })
    expect(verdict(tls, 'a.test', '/', ssls)).toBe('accepted')
  })
})
