import { SignJWT } from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import { Type } from '../schema/type.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { definePlugin, type PluginDefinition } from './definition.ts'

const SECRET = 'thirty-two-bytes-of-a-good-secret'
const consumers = [
  {
    username: 'jack',
    plugins: { 'basic-auth': { username: 'jack', password: 'p' }, 'jwt-auth': { key: 'jack', secret: SECRET } },
  },
  { username: 'app', plugins: { 'key-auth': { key: 'k' } } },
  {
    username: 'staff',
    plugins: { 'jwt-auth': { key: 'staff', algorithm: 'ES256', jwks_uri: 'http://127.0.0.1:1/', jwks_timeout: 200 } },
  },
  { username: 'guest' },
]
const document = (...plugins: object[]) => ({
  consumers,
  routes: [{ uri: '/*', upstream_id: 'echo', plugins: { 'multi-auth': { auth_plugins: plugins } } }],
})

async function gatewayOf(written: object, own: PluginDefinition[] = []): Promise<TestGateway> {
  const gateway = await startGateway(written, own)
  onTestFinished(() => gateway.close())
  return gateway
}
const basic = { authorization: `Basic ${Buffer.from('jack:p').toString('base64')}` }
const caller = async (gateway: TestGateway, headers: Record<string, string>) => {
  const answer = await gateway.fetch('/', { headers })
  return answer.status === 200
    ? (answer.json() as { headers: Record<string, string> }).headers['x-consumer-username']
    : answer.status
}

test('the first plugin that knows the caller lets it in', async () => {
  const gateway = await gatewayOf(
    document({ 'basic-auth': {} }, { 'key-auth': { hide_credentials: true } }, { 'jwt-auth': {} }),
  )
  expect(await caller(gateway, basic)).toBe('jack')
  expect(await caller(gateway, { apikey: 'k' })).toBe('app')
  const token = await new SignJWT({ key: 'jack' }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET))
  expect(await caller(gateway, { authorization: `Bearer ${token}` })).toBe('jack')
  // A wrong key is no reason against a right password.
  expect(await caller(gateway, { ...basic, apikey: 'wrong' })).toBe('jack')
  const refused = await gateway.fetch('/', { headers: { apikey: 'wrong' } })
  expect(refused.status).toBe(401)
  expect(
    refused.rawHeaders.filter(([name]) => name.toLowerCase() === 'www-authenticate').map(([, value]) => value),
  ).toEqual(['Basic realm="basic"', 'apikey realm="key"', 'Bearer realm="jwt"'])
  expect(gateway.echo.requests).toHaveLength(4)
})

test('credentials that a plugin hides are there for the next one, and hidden once it knows them', async () => {
  const hides = { hide_credentials: true }
  const gateway = await gatewayOf(document({ 'basic-auth': hides }, { 'key-auth': hides }, { 'jwt-auth': hides }))
  const token = await new SignJWT({ key: 'jack' }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET))
  const answer = await gateway.fetch('/', { headers: { authorization: `Bearer ${token}` } })
  const { headers } = answer.json() as { headers: Record<string, string> }
  expect(headers).toMatchObject({ 'x-consumer-username': 'jack' })
  expect(headers).not.toHaveProperty('authorization')
})

test('a plugin that cannot decide keeps callers out, with its own status', async () => {
  const gateway = await gatewayOf(document({ 'jwt-auth': {} }, { 'key-auth': {} }))
  const token = await new SignJWT({ key: 'staff' }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET))
  expect(await caller(gateway, { authorization: `Bearer ${token}` })).toBe(503)
  expect(await caller(gateway, { authorization: `Bearer ${token}`, apikey: 'k' })).toBe('app')
})

test('the anonymous consumer of one of them stands for those whom nobody before it knows', async () => {
  const gateway = await gatewayOf(document({ 'basic-auth': {} }, { 'key-auth': { anonymous_consumer: 'guest' } }))
  expect([await caller(gateway, {}), await caller(gateway, basic)]).toEqual(['guest', 'jack'])
})

test('a plugin that lets anybody pass recognises nobody', async () => {
  const lax = definePlugin({
    name: 'lax',
    priority: 1,
    type: 'auth',
    schema: Type.Object({}),
    create: () => ({ rewrite: () => undefined }),
  })
  const gateway = await gatewayOf(document({ lax: {} }, { 'key-auth': {} }), [lax as unknown as PluginDefinition])
  expect([await caller(gateway, {}), await caller(gateway, { apikey: 'k' })]).toEqual([401, 'app'])
})

test('what is wrong within is told at its place', async () => {
  const problem = async (...plugins: object[]): Promise<string> =>
    startGateway(document(...plugins)).then(
      (gateway) => gateway.close().then(() => ''),
      (error: Error) => error.message,
    )
  expect(await problem({ 'key-auth': {} }, { cors: {} })).toContain('"cors" does not recognise callers')
  expect(await problem({ 'key-auth': {} }, { 'basic-auht': {} })).toContain('did you mean "basic-auth"?')
  expect(await problem({ 'key-auth': {} }, { 'basic-auth': { x: 1 } })).toContain(
    '/multi-auth/auth_plugins/1/basic-auth',
  )
  expect(await problem({ 'key-auth': {} })).toContain('auth_plugins')
  const onConsumer = { consumers: [{ username: 'a', plugins: { 'multi-auth': { auth_plugins: [] } } }] }
  await expect(startGateway(onConsumer)).rejects.toThrow('has no credentials that a consumer could have')
})
