import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { AUTHORITY, OTHER_AUTHORITY } from './testing/authorities.ts'
import { ALICE, BOB } from './testing/client-certificates.ts'
import { KEY, UPSTREAM_CERTIFICATE } from './testing/server-certificates.ts'

let upstream: Server
let gateway: TestGateway
beforeEach(async () => {
  // Answers with the name it was asked by, and with that of the client's certificate.
  upstream = createServer(
    { cert: UPSTREAM_CERTIFICATE, key: KEY, ca: AUTHORITY, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const socket = request.socket as TLSSocket
      const subject = socket.getPeerCertificate().subject as { CN?: string } | undefined
      response.end(`${nameAsked(socket)} ${subject?.CN ?? 'nobody'}`)
    },
  )
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  gateway = await startGateway({})
})
afterEach(async () => {
  await gateway.close()
  upstream.closeAllConnections()
  await new Promise((resolve) => upstream.close(resolve))
})

/** What the client named; Node's types leave it out. */
const nameAsked = (socket: TLSSocket): string => (socket as unknown as { servername: string }).servername

const TRUSTED = { ca: AUTHORITY, sni: 'upstream.test' }
const ssl = (cert: string): object => ({ id: 'own', type: 'client', cert, key: KEY })
async function answer(tls: object, ssls: object[] = [], at: 'route' | 'upstream' = 'route'): Promise<string> {
  const nodes = { [`127.0.0.1:${(upstream.address() as AddressInfo).port}`]: 1 }
  const target = { scheme: 'https', nodes, tls }
  await gateway.update(
    at === 'route'
      ? { ssls, routes: [{ id: 'r', uri: '/*', upstream: target }] }
      : { ssls, upstreams: [{ id: 'up', ...target }], routes: [{ id: 'r', uri: '/*', upstream_id: 'up' }] },
  )
  const { status, body } = await gateway.fetch('/')
  return status === 200 ? body : String(status)
}

test.each<[string, object, string]>([
  ['the authority and the name are right', TRUSTED, 'upstream.test nobody'],
  ['no authority: those that Node brings did not sign it', { sni: 'upstream.test' }, '502'],
  ['another authority', { ...TRUSTED, ca: OTHER_AUTHORITY }, '502'],
  ['another name', { ...TRUSTED, sni: 'other.test' }, '502'],
  ['not verified', { sni: 'other.test', verify: false }, 'other.test nobody'],
  ['a certificate of its own', { ...TRUSTED, client_cert: ALICE, client_key: KEY }, 'upstream.test alice'],
])('%s', async (_what, tls, expected) => {
  expect(await answer(tls)).toBe(expected)
})

test.each(['route', 'upstream'] as const)('a certificate of an ssl, in a %s, and another one after it', async (at) => {
  const tls = { ...TRUSTED, client_cert_id: 'own' }
  expect(await answer(tls, [ssl(ALICE)], at)).toBe('upstream.test alice')
  expect(await answer(tls, [ssl(BOB)], at)).toBe('upstream.test bob')
})
