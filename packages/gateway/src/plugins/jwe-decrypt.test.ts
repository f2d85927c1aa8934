import { createCipheriv, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { CompactEncrypt } from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { readJwe } from './jwe/compact-jwe.ts'

const SECRET = '12345678901234567890123456789012'
const encrypt = (text: string, header: object = {}, key = SECRET): Promise<string> =>
  new CompactEncrypt(Buffer.from(text))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: 'jack-key', ...header })
    .encrypt(Buffer.from(key))

async function gatewayOf(route: object = {}, consumer: object = {}): Promise<TestGateway> {
  const gateway = await startGateway({
    consumers: [{ username: 'jack', plugins: { 'jwe-decrypt': { key: 'jack-key', secret: SECRET, ...consumer } } }],
    routes: [{ uri: '/*', upstream_id: 'echo', plugins: { 'jwe-decrypt': { forward_header: 'X-Token', ...route } } }],
  })
  onTestFinished(() => gateway.close())
  return gateway
}
const send = async (gateway: TestGateway, headers: Record<string, string>) => {
  const answer = await gateway.fetch('/', { headers })
  return answer.status === 200 ? (answer.json() as { headers: Record<string, string> }).headers : answer.status
}

test('what was encrypted reaches the upstream, the token does not', async () => {
  const gateway = await gatewayOf()
  const token = await encrypt('hello')
  for (const authorization of [token, `Bearer ${token}`, `bearer ${token}`]) {
    const headers = await send(gateway, { authorization, 'x-token': 'forged' })
    expect(headers).toMatchObject({ 'x-token': 'hello', 'x-consumer-username': 'jack' })
    expect(headers).not.toHaveProperty('authorization')
  }
  expect(await send(gateway, { 'x-token': 'forged' })).toBe(403)
  const secret = Buffer.from(SECRET).toString('base64')
  const encoded = await gatewayOf({ header: 'X-In', forward_header: 'X-In' }, { secret, is_base64_encoded: true })
  expect(await send(encoded, { 'x-in': token })).toMatchObject({ 'x-in': 'hello' })
})

test('requests without one may go on, but not with what they say themselves', async () => {
  const gateway = await gatewayOf({ strict: false })
  expect(await send(gateway, { 'x-token': 'forged' })).not.toHaveProperty('x-token')
})

test('a token without an authenticated header, as tools of APISIX make it', async () => {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', SECRET, iv)
  const body = Buffer.concat([cipher.update('hello'), cipher.final()])
  const parts = [Buffer.from('{"kid":"jack-key"}'), Buffer.alloc(0), iv, body, cipher.getAuthTag()]
  const token = parts.map((part) => part.toString('base64url')).join('.')
  expect(await send(await gatewayOf(), { authorization: token })).toMatchObject({ 'x-token': 'hello' })
})

test('what is no such token is refused', async () => {
  const gateway = await gatewayOf()
  const good = await encrypt('hello')
  const parts = good.split('.')
  const hostile = [
    'x',
    'a.b.c',
    await encrypt('hello', {}, SECRET.replace('1', '2')),
    await encrypt('hello', { kid: 'nobody' }),
    await encrypt('hello', { kid: undefined }),
    await encrypt('line\r\nX-Injected: 1'),
    [parts[0], parts[1], parts[2], `${parts[3]}AA`, parts[4]].join('.'),
    [parts[0], parts[1], parts[2], parts[3], parts[4]!.slice(0, 8)].join('.'),
    [Buffer.from('null').toString('base64url'), ...parts.slice(1)].join('.'),
  ]
  for (const token of hostile) expect(await send(gateway, { authorization: token }), token).toBe(400)
  await expect(gatewayOf({}, { secret: 'short' })).rejects.toThrow('is 5 bytes long, and A256GCM needs 32')
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000)
  const piece = fc.constantFrom(
    '.',
    'A',
    '..',
    'eyJraWQiOiJhIn0',
    '_-',
    '=',
    'e30',
    'AAAAAAAAAAAAAAAA',
    'AAAAAAAAAAAAAAAAAAAAAA',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const jwe = readJwe(pieces.join(''))
      if (jwe !== undefined) expect([jwe.keyId, jwe.iv.length, jwe.tag.length]).toEqual(['a', 12, 16])
    }),
    { seed, numRuns: 3_000 },
  )
})
