import { connect } from 'node:http2'
import type { ConnectionOptions } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AUTHORITY } from './testing/authorities.ts'
import { ALICE, BOB, CAROL, LATE, STRANGER } from './testing/client-certificates.ts'
import { A_CERTIFICATE, B_CERTIFICATE, KEY } from './testing/server-certificates.ts'
import { TlsGateway } from './testing/tls-gateway.ts'

const A = {
  id: 'a',
  sni: 'a.test',
  cert: A_CERTIFICATE,
  key: KEY,
  client: { ca: AUTHORITY, skip_mtls_uri_regex: ['^/open($|/)'] },
}
const B = { id: 'b', sni: 'b.test', cert: B_CERTIFICATE, key: KEY }

let gateway: TlsGateway
beforeEach(async () => {
  gateway = await TlsGateway.start({ ssls: [A, B] })
})
afterEach(() => gateway.close())

const as = (cert: string | undefined, more: ConnectionOptions = {}): ConnectionOptions => ({
  servername: 'a.test',
  ...(cert === undefined ? {} : { cert, key: KEY }),
  ...more,
})

const ABSENT = 'client certificate was not present'
const FAILED = 'client certificate verification failed: '

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', (maxVersion) => {
  test.each<[string, string | undefined, number, string | undefined]>([
    ['a certificate of the authority', ALICE, 200, undefined],
    ['of its intermediate', BOB, 200, undefined],
    ['two intermediates away', CAROL, 400, `${FAILED}2 intermediates, and at most 1 are accepted`],
    ['none', undefined, 400, ABSENT],
    ['one whose time is over', LATE, 400, `${FAILED}CERT_HAS_EXPIRED`],
    ['of another authority', STRANGER, 400, `${FAILED}UNABLE_TO_VERIFY_LEAF_SIGNATURE`],
  ])('%s', async (_what, cert, status, message) => {
    const client = await gateway.connect(as(cert, { minVersion: maxVersion, maxVersion }))
    const answer = await client.get('/private')
    expect([answer.status, answer.body.error_msg]).toEqual([status, message])
    // The connection stays good for paths that need none.
    expect((await client.get('/open/x')).status).toBe(200)
    expect((await client.get('/open/../private')).status).toBe(status)
    expect((await client.get('/open/%2e%2e/private')).status).toBe(status)
    expect((await client.get('/opening')).status).toBe(status)
  })

  test('a session is not resumed, so that the chain is seen each time', async () => {
    const version = { minVersion: maxVersion, maxVersion }
    const first = await gateway.connect(as(CAROL, version))
    expect((await first.get('/')).status).toBe(400)
    // A ticket may come, and is good for nothing.
    const session = first.socket.getSession()
    const again = await gateway.connect(as(CAROL, { ...version, ...(session === undefined ? {} : { session }) }))
    expect(again.socket.isSessionReused()).toBe(false)
    expect((await again.get('/')).status).toBe(400)
  })
})

describe('by another connection', () => {
  test('a host that asks for a certificate is misdirected there', async () => {
    const client = await gateway.connect({ servername: 'b.test' })
    expect((await client.get('/', 'b.test')).status).toBe(200)
    for (const host of ['a.test', 'A.TEST', 'a.test:443', 'a.test.']) {
      expect((await client.get('/', host)).status).toBe(421)
    }
    expect((await client.get('/open', 'a.test')).status).toBe(200)
    expect((await client.get('/', 'b.test')).status).toBe(200)
  })

  test('a good certificate does not help: it was never asked for', async () => {
    expect((await gateway.ask('/', 'a.test', as(ALICE, { servername: 'b.test' }))).status).toBe(421)
  })

  test('the other way round it may', async () => {
    expect((await gateway.ask('/', 'b.test', as(ALICE))).status).toBe(200)
    expect((await gateway.ask('/', 'b.test', as(undefined))).status).toBe(400)
  })

  test('an absolute target counts, not the Host beside it', async () => {
    const client = await gateway.connect({ servername: 'b.test' })
    expect((await client.get('http://a.test/', 'b.test')).status).not.toBe(200)
  })
})

test('HTTP/2: a connection that a browser reuses for another host is misdirected', async () => {
  const session = connect(`https://127.0.0.1:${gateway.port}`, { ca: AUTHORITY, servername: 'b.test' })
  const status = (authority: string, path = '/'): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':authority': authority, ':path': path })
      stream.on('response', (headers) => resolve(headers[':status']))
      stream.on('error', reject)
      stream.resume()
    })
  try {
    const asked = [status('b.test'), status('a.test'), status('a.test', '/open'), status('b.test')]
    expect(await Promise.all(asked)).toEqual([200, 421, 200, 200])
  } finally {
    session.destroy()
  }
})

test('a connection that was made before a certificate was asked for is misdirected', async () => {
  const client = await gateway.connect({ servername: 'b.test' })
  expect((await client.get('/', 'b.test')).status).toBe(200)
  await gateway.update({ ssls: [A, { ...B, client: { ca: AUTHORITY } }] })
  expect((await client.get('/', 'b.test')).status).toBe(421)
  expect((await gateway.ask('/', 'b.test', as(ALICE, { servername: 'b.test' }))).status).toBe(200)
})

test('variables tell of the connection and of the client', async () => {
  const names = ['protocol', 'cipher', 'server_name', 'client_s_dn', 'client_fingerprint', 'client_verify']
  const set = Object.fromEntries(names.map((name) => [`x-${name.replaceAll('_', '-')}`, `$ssl_${name}`]))
  const plugins = { 'proxy-rewrite': { headers: { set } } }
  await gateway.update({ ssls: [A, B], routes: [{ id: 'v', uri: '/*', upstream_id: 'echo', plugins }] })
  const seen = async (host: string, options: ConnectionOptions): Promise<(string | undefined)[]> => {
    await gateway.ask('/open', host, options)
    const { headers } = gateway.gateway.echo.requests.at(-1) as { headers: Record<string, string | undefined> }
    return names.map((name) => headers[`x-${name.replaceAll('_', '-')}`])
  }
  expect(await seen('a.test', as(ALICE))).toEqual([
    'TLSv1.3',
    'TLS_AES_256_GCM_SHA384',
    'a.test',
    'O=Example,CN=alice',
    expect.stringMatching(/^[0-9a-f]{40}$/),
    'SUCCESS',
  ])
  expect((await seen('a.test', as(LATE))).slice(3)).toEqual([
    'CN=late',
    expect.stringMatching(/^[0-9a-f]{40}$/),
    'FAILED:CERT_HAS_EXPIRED',
  ])
  expect((await seen('b.test', { servername: 'b.test' })).at(-1)).toBe('NONE')
  const { status } = await gateway.gateway.fetch('/open', { host: 'b.test' })
  expect(status).toBe(200)
  expect(gateway.gateway.echo.requests.at(-1)?.headers['x-client-verify'] ?? '').toBe('')
})

test('plain connections are not asked', async () => {
  expect((await gateway.gateway.fetch('/', { host: 'a.test' })).status).toBe(200)
})
