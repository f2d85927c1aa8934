import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { peer, type PeerOptions } from '../peers/peer.ts'
import { Resolver } from '../peers/resolver.ts'
import { startProxy, type ProxyUnderTest } from './testing/proxy-harness.ts'
import {
  ALICE_CERTIFICATE,
  AUTHORITY,
  BOB_CERTIFICATE,
  EXPIRED_CERTIFICATE,
  OTHER_AUTHORITY,
  OTHER_NAME_CERTIFICATE,
  SELF_SIGNED_CERTIFICATE,
  SERVER_CERTIFICATE,
  SERVER_KEY,
} from './testing/certificates.ts'
import { statusOf } from './testing/raw-client.ts'
import { RawUpstream, reply } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const tlsUpstream = (cert: string, more: object = {}): Promise<RawUpstream> =>
  RawUpstream.answering(
    (_request, connection) => {
      const socket = connection.socket as TLSSocket
      const client = socket.getPeerCertificate()
      return reply(
        `connection ${connection.number} sni ${String(socket.servername)} client ${String(client.subject?.CN ?? 'none')}`,
      )
    },
    { tls: { cert, key: SERVER_KEY, ...more } },
  )

/** Resolves every name to this machine. */
const resolver = (): Resolver => new Resolver(async () => ({ addresses: ['127.0.0.1'], ttlMs: 60_000 }))

const proxyTo = (options: PeerOptions | (() => PeerOptions), address: string): Promise<ProxyUnderTest<undefined>> =>
  startProxy(
    { upstreamPeer: () => peer(address, typeof options === 'function' ? options() : options) },
    { resolver: resolver(), maxRetries: 0 },
  )

const TRUSTED = { tls: { ca: AUTHORITY } }

test('a good certificate is accepted, by name, by IP address, and by a server name of its own', async () => {
  const upstream = await tlsUpstream(SERVER_CERTIFICATE)
  for (const [address, options, sni] of [
    [`upstream.test:${upstream.port}`, TRUSTED, 'upstream.test'],
    // RFC 6066: an IP address is not sent as a server name.
    [`127.0.0.1:${upstream.port}`, TRUSTED, 'false'],
    [`127.0.0.1:${upstream.port}`, { ...TRUSTED, sni: 'upstream.test' }, 'upstream.test'],
    [`anything.test:${upstream.port}`, { tls: { ca: AUTHORITY, serverName: 'upstream.test' } }, 'upstream.test'],
  ] as const) {
    const proxy = await proxyTo(options, address)
    const client = await proxy.connect()
    expect((await client.get()).body).toContain(`sni ${sni} `)
    expect((await client.get()).body).toContain(`sni ${sni} `)
  }
})

describe('refused with 502, before a byte of the request is sent:', () => {
  test.each<[string, string, PeerOptions, string]>([
    ['an expired certificate', EXPIRED_CERTIFICATE, TRUSTED, 'upstream.test'],
    ['one signed by itself', SELF_SIGNED_CERTIFICATE, TRUSTED, 'upstream.test'],
    ['one of an authority that is not trusted', SERVER_CERTIFICATE, { tls: { ca: OTHER_AUTHORITY } }, 'upstream.test'],
    ['one that only the roots of the system could vouch for', SERVER_CERTIFICATE, { tls: true }, 'upstream.test'],
    ['one of another name', OTHER_NAME_CERTIFICATE, TRUSTED, 'upstream.test'],
    [
      'one of another name than the server name',
      SERVER_CERTIFICATE,
      { ...TRUSTED, sni: 'other.test' },
      'upstream.test',
    ],
    ['one without this IP address', OTHER_NAME_CERTIFICATE, TRUSTED, '127.0.0.1'],
  ])('%s', async (_, certificate, options, host) => {
    const upstream = await tlsUpstream(certificate)
    const proxy = await proxyTo(options, `${host}:${upstream.port}`)
    const client = await proxy.connect()
    const answer = await client.get()
    expect(statusOf(answer)).toBe(502)
    // Which rule it broke is the operator's affair.
    expect(JSON.parse(answer.body)).toEqual({ error_msg: '502 Bad Gateway', reason: 'TLS_CERTIFICATE' })
    expect((await proxy.end()).error).toMatchObject({ code: 'TLS_CERTIFICATE', source: 'upstream' })
    for (const connection of upstream.connections) expect(connection.reader.count).toBe(0)
  })

  test('a server that speaks no TLS, and one that hangs up within the handshake', async () => {
    const plain = await RawUpstream.start((connection) => connection.send(reply('plain')))
    const closing = await RawUpstream.start((connection) => void connection.socket.destroy())
    for (const [upstream, code] of [
      [plain, 'TLS_HANDSHAKE'],
      [closing, 'CONNECT_FAILED'],
    ] as const) {
      const proxy = await proxyTo(TRUSTED, upstream.address)
      const client = await proxy.connect()
      expect(statusOf(await client.get())).toBe(502)
      expect((await proxy.end()).error?.code).toBe(code)
    }
  })
})

test('verify: false accepts what would be refused, and shares no connection with peers that verify', async () => {
  const upstream = await tlsUpstream(SELF_SIGNED_CERTIFICATE)
  let verify = false
  const proxy = await proxyTo(() => ({ tls: { ca: AUTHORITY, verify } }), `upstream.test:${upstream.port}`)
  const client = await proxy.connect()
  expect(statusOf(await client.get())).toBe(200)
  expect(proxy.proxy.runtime.pools.idle).toBe(1)
  verify = true
  expect(statusOf(await client.get())).toBe(502)
  verify = false
  expect((await client.get()).body).toContain('connection 1 ')
})

describe('connections are shared only where all that changes trust is equal', () => {
  const VARIANTS: readonly (readonly [string, PeerOptions])[] = [
    ['the usual', TRUSTED],
    ['another server name', { ...TRUSTED, sni: '127.0.0.1' }],
    ['other authorities', { tls: { ca: [AUTHORITY, OTHER_AUTHORITY] } }],
    ['no verification', { tls: { ca: AUTHORITY, verify: false } }],
    ['Alice', { tls: { ca: AUTHORITY, cert: ALICE_CERTIFICATE, key: SERVER_KEY } }],
    ['Bob', { tls: { ca: AUTHORITY, cert: BOB_CERTIFICATE, key: SERVER_KEY } }],
    ['TLS 1.3', { tls: { ca: AUTHORITY, minVersion: 'TLSv1.3' } }],
    ['other ciphers', { tls: { ca: AUTHORITY, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256' } }],
    ['a group', { ...TRUSTED, group: 'tenant' }],
    ['another local address', { ...TRUSTED, localAddress: '127.0.0.2' }],
  ]

  test('each variant has its own, and keeps it', async () => {
    const upstream = await tlsUpstream(SERVER_CERTIFICATE, {
      requestCert: true,
      rejectUnauthorized: false,
      ca: AUTHORITY,
    })
    let options: PeerOptions = {}
    const proxy = await proxyTo(() => options, `upstream.test:${upstream.port}`)
    const client = await proxy.connect()
    for (let round = 0; round < 2; round++) {
      for (const [at, [name, variant]] of VARIANTS.entries()) {
        options = variant
        const { body } = await client.get()
        expect([name, body]).toEqual([name, expect.stringContaining(`connection ${at + 1} `)])
        expect(body).toContain(`client ${name === 'Alice' ? 'alice' : name === 'Bob' ? 'bob' : 'none'}`)
      }
    }
    expect(upstream.connections.length).toBe(VARIANTS.length)
  })
})

test('a body goes through TLS both ways intact', async () => {
  const upstream = await RawUpstream.answering(({ body }) => reply(body), {
    tls: { cert: SERVER_CERTIFICATE, key: SERVER_KEY },
  })
  const proxy = await proxyTo(TRUSTED, upstream.address)
  const client = await proxy.connect()
  const body = Buffer.from(Uint8Array.from({ length: 1_000_000 }, (_, at) => (at * 31 + (at >> 8)) & 0xff)).toString(
    'latin1',
  )
  const answer = await client.post('/', body)
  expect(answer.body === body).toBe(true)
})
