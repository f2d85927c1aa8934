import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { CsrfTokens } from './csrf/csrf-token.ts'

afterEach(() => void vi.useRealTimers())
const NOW = 1_800_000_000_000

async function gatewayOf(config: object = {}): Promise<TestGateway> {
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(NOW)
  const plugins = { csrf: { key: 'k', name: 'Token', ...config } }
  const gateway = await startGateway({ routes: [{ uri: '/*', upstream_id: 'echo', plugins }] })
  onTestFinished(() => gateway.close())
  return gateway
}

async function tokenOf(gateway: TestGateway): Promise<string> {
  const { headers } = await gateway.fetch('/')
  return /^Token=([^;]*)/.exec(headers['set-cookie'] ?? '')?.[1] ?? ''
}

const post = (gateway: TestGateway, cookie: string | undefined, header: string | undefined, method = 'POST') => {
  const headers = {
    ...(cookie === undefined ? {} : { cookie: `a=b; Token=${cookie}` }),
    ...(header === undefined ? {} : { token: header }),
  }
  return gateway.fetch('/', { method, headers })
}

test('a page sends back what its cookie says; another site cannot', async () => {
  const gateway = await gatewayOf()
  const first = await gateway.fetch('/')
  expect(first.headers['set-cookie']).toMatch(/^Token=[\w-]{51}; Path=\/; SameSite=Lax; Max-Age=7200$/)
  const token = await tokenOf(gateway)
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND'])
    expect((await post(gateway, token, token, method)).status, method).toBe(200)
  const before = gateway.echo.requests.length
  const messages: string[] = []
  const forged = new CsrfTokens('another key', 7_200).make(NOW)
  const other = await tokenOf(gateway)
  const pairs = [
    [undefined, token],
    [token, undefined],
    [other, token],
    [forged, forged],
    ['', ''],
    ['x', 'x'],
    [`${token}A`, `${token}A`],
  ]
  for (const [cookie, header] of pairs) {
    const answer = await post(gateway, cookie, header)
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'csrf header="Token"'])
    messages.push((answer.json() as { message: string }).message)
  }
  expect(messages.slice(0, 4)).toEqual([
    'the cookie "Token" is missing',
    'the header "Token" is missing',
    'header and cookie differ',
    'the token is wrong or over',
  ])
  // `other` was got by one more GET.
  expect(gateway.echo.requests.length - before).toBe(1)
})

test('a token ends, and is renewed before it does', async () => {
  const gateway = await gatewayOf({ expires: 100 })
  const token = await tokenOf(gateway)
  const get = async () => (await gateway.fetch('/', { headers: { cookie: `Token=${token}` } })).headers['set-cookie']
  vi.setSystemTime(NOW + 50_000)
  expect(await get()).toBeUndefined()
  vi.setSystemTime(NOW + 51_000)
  expect(await get()).toContain('Token=')
  vi.setSystemTime(NOW + 99_000)
  expect((await post(gateway, token, token)).status).toBe(200)
  vi.setSystemTime(NOW + 100_000)
  expect((await post(gateway, token, token)).status).toBe(401)
})

test('or does not end', async () => {
  const gateway = await gatewayOf({ expires: 0, name: '__Host-x' })
  const { headers } = await gateway.fetch('/')
  expect(headers['set-cookie']).toMatch(/^__Host-x=[\w-]{51}; Path=\/; SameSite=Lax; Secure$/)
  const token = headers['set-cookie']!.slice(9, 60)
  vi.setSystemTime(NOW + 1e12)
  const sent = { cookie: `__Host-x=${token}`, '__host-x': token }
  expect((await gateway.fetch('/', { method: 'POST', headers: sent })).status).toBe(200)
})

test('no bit of a token can be changed', () => {
  const tokens = new CsrfTokens('k', 100)
  const token = tokens.make(NOW)
  expect(tokens.secondsLeft(token, NOW)).toBe(100)
  for (let at = 0; at < 50; at++) {
    const bytes = Buffer.from(token, 'base64url')
    bytes[Math.floor((at * bytes.length) / 50)]! ^= 1 << (at % 8)
    expect(tokens.secondsLeft(bytes.toString('base64url'), NOW)).toBe(0)
  }
  expect(tokens.make(NOW)).not.toBe(token)
})
