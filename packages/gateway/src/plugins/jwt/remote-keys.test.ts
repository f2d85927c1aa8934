import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { startGateway } from '../../testing/start-gateway.ts'
import { COOLDOWN_MS, MAX_STALE_MS } from './remote-keys.ts'

interface Named {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}
const keys: Named[] = []

beforeAll(async () => {
  for (const kid of ['one', 'two', 'three']) {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    keys.push({ kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } })
  }
})
afterEach(() => void vi.useRealTimers())

const START = 1_800_000_000_000
const TTL_MS = 300_000

/** An identity provider whose answer may be changed, and a gateway that trusts it. */
async function setUp() {
  const provider = { keys: [keys[0]!.jwk] as object[], status: 200, text: undefined as string | undefined, asked: 0 }
  const server = createServer((_request, response) => {
    provider.asked++
    response.writeHead(provider.status, { 'content-type': 'application/json' })
    response.end(provider.text ?? JSON.stringify({ keys: provider.keys }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(START)
  const gateway = await startGateway({
    consumers: [
      {
        username: 'staff',
        plugins: { 'jwt-auth': { key: 'idp', algorithm: 'ES256', jwks_uri: `http://127.0.0.1:${port}/jwks` } },
      },
    ],
    routes: [{ uri: '/*', upstream_id: 'echo', plugins: { 'jwt-auth': { key_claim_name: 'iss' } } }],
  })
  onTestFinished(() => gateway.close())
  const ask = async (token: string) =>
    (await gateway.fetch('/', { headers: { authorization: `Bearer ${token}` } })).status
  return { provider, gateway, ask }
}

let serial = 0
/** Each another token, so that its signature is checked. */
const signed = ({ privateKey, kid }: Named, header: object = {}) =>
  new SignJWT({ iss: 'idp', jti: `${serial++}` }).setProtectedHeader({ alg: 'ES256', kid, ...header }).sign(privateKey)
const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms)

test('keys are read once, and again for a token with a new one, but not for each', async () => {
  const { provider, ask } = await setUp()
  const [one, two, three] = keys as [Named, Named, Named]
  expect(await Promise.all([ask(await signed(one)), ask(await signed(one))])).toEqual([200, 200])
  expect(provider.asked).toBe(1)
  expect(await ask(await signed(two))).toBe(401)
  expect(provider.asked).toBe(1)
  // Rotation.
  provider.keys = [one.jwk, two.jwk]
  later(COOLDOWN_MS)
  expect(await ask(await signed(two))).toBe(200)
  for (let at = 0; at < 20; at++) expect(await ask(await signed(three, { kid: `made-up-${at}` }))).toBe(401)
  expect(provider.asked).toBe(2)
})

test('a token of a key that is withdrawn is refused, also when it was seen before', async () => {
  const { provider, ask } = await setUp()
  const [one, two] = keys as [Named, Named]
  const token = await signed(one)
  expect([await ask(token), await ask(token)]).toEqual([200, 200])
  provider.keys = [two.jwk]
  later(TTL_MS + 1)
  // This one has the keys read anew in the background.
  await ask(token)
  await vi.waitFor(() => expect(provider.asked).toBe(2))
  await vi.waitFor(async () => expect(await ask(token)).toBe(401))
  expect(await ask(await signed(two))).toBe(200)
})

test('while the provider is away its keys serve for an hour, then nobody is let in', async () => {
  const { provider, ask } = await setUp()
  const [one] = keys as [Named]
  const token = await signed(one)
  expect(await ask(token)).toBe(200)
  provider.status = 500
  later(TTL_MS + MAX_STALE_MS)
  expect([await ask(token), await ask(await signed(one))]).toEqual([200, 200])
  later(COOLDOWN_MS)
  expect([await ask(token), await ask(await signed(one))]).toEqual([503, 503])
  provider.status = 200
  later(COOLDOWN_MS)
  expect(await ask(token)).toBe(200)
})

test('a provider that answers nonsense lets nobody in', async () => {
  const { provider, ask } = await setUp()
  const [one] = keys as [Named]
  for (const text of [
    '',
    'null',
    '[]',
    '{}',
    '{"keys":7}',
    '{"keys":[null]}',
    `{"keys":[${'{},'.repeat(200)}{}]}`,
    'x'.repeat(600_000),
  ]) {
    provider.text = text
    expect([401, 503], text.slice(0, 20)).toContain(await ask(await signed(one)))
    later(COOLDOWN_MS)
  }
  provider.text = undefined
  expect(await ask(await signed(one))).toBe(200)
})

test('a secret among the keys is no key, and neither is one that is for something else', async () => {
  const { provider, ask } = await setUp()
  const [one] = keys as [Named]
  provider.keys = [
    { kty: 'oct', k: 'c2VjcmV0', kid: 'one' },
    { ...one.jwk, kid: 'enc', use: 'enc' },
  ]
  const forged = await new SignJWT({ iss: 'idp' })
    .setProtectedHeader({ alg: 'HS256', kid: 'one' })
    .sign(Buffer.from('secret'))
  expect([await ask(forged), await ask(await signed(one, { kid: 'enc' }))]).toEqual([401, 401])
})
