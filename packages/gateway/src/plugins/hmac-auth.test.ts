import { createHash, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { readSignature } from './hmac/signature-params.ts'

const SECRET = 's3cret'
const NOW = Date.parse('2026-03-03T10:00:00Z')
const DATE = 'Tue, 03 Mar 2026 10:00:00 GMT'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(NOW)
})
afterEach(() => void vi.useRealTimers())

const hmac = (algorithm: string, text: string, secret = SECRET): string =>
  createHmac(algorithm.slice(5), secret).update(text).digest('base64')

interface Signing {
  readonly target?: string
  readonly method?: string
  readonly algorithm?: string
  readonly names?: readonly string[]
  readonly fields?: Readonly<Record<string, string>>
  readonly keyId?: string
  readonly secret?: string
}

/** What a client sends, written down here anew from the documentation. */
function signed({
  target = '/a?b=c',
  method = 'GET',
  algorithm = 'hmac-sha256',
  keyId = 'jack-1',
  ...more
}: Signing = {}) {
  const { names = ['@request-target', 'date'], fields = { date: DATE }, secret = SECRET } = more
  const lines = names.map((name) =>
    name === '@request-target' ? `${method} ${target}` : `${name}: ${fields[name.toLowerCase()]}`,
  )
  const signature = hmac(algorithm, [keyId, ...lines, ''].join('\n'), secret)
  const authorization = `Signature keyId="${keyId}",algorithm="${algorithm}",headers="${names.join(' ')}",signature="${signature}"`
  return { ...fields, authorization }
}

async function gatewayOf(route: object = {}): Promise<TestGateway> {
  const gateway = await startGateway({
    consumers: [
      { username: 'jack', plugins: { 'hmac-auth': { key_id: 'jack-1', secret_key: SECRET } } },
      { username: 'guest' },
    ],
    routes: [{ uri: '/*', upstream_id: 'echo', plugins: { 'hmac-auth': route } }],
  })
  onTestFinished(() => gateway.close())
  return gateway
}

describe('a signature', () => {
  test('lets its consumer in', async () => {
    const gateway = await gatewayOf()
    for (const algorithm of ['hmac-sha1', 'hmac-sha256', 'hmac-sha512']) {
      const answer = await gateway.fetch('/a?b=c', { headers: signed({ algorithm }) })
      expect(answer.body, algorithm).toContain('"x-consumer-username":"jack"')
      expect(answer.body).toContain('"authorization"')
    }
    const names = ['date', 'X-Custom', '@request-target']
    const fields = { date: DATE, 'x-custom': 'one, two' }
    expect((await gateway.fetch('/a?b=c', { headers: signed({ names, fields }) })).status).toBe(200)
    const spaced = signed().authorization.replaceAll(',', ' , ')
    expect((await gateway.fetch('/a?b=c', { headers: { date: DATE, authorization: spaced } })).status).toBe(200)
  })

  test('of another request, key, time or kind is none', async () => {
    const gateway = await gatewayOf({ allowed_algorithms: ['hmac-sha256'] })
    const ask = async (headers: Record<string, string>, path = '/a?b=c', method = 'GET') => {
      const { status, headers: fields, body } = await gateway.fetch(path, { headers, method })
      expect([status, fields['www-authenticate']]).toEqual([401, 'hmac realm="hmac"'])
      return (JSON.parse(body) as { message: string }).message
    }
    const wrong = 'the key or the signature is wrong'
    expect(await ask(signed(), '/a?b=d')).toBe(wrong)
    expect(await ask(signed(), '/a?b=c', 'DELETE')).toBe(wrong)
    expect(await ask(signed({ secret: 'other' }))).toBe(wrong)
    expect(await ask(signed({ keyId: 'nobody' }))).toBe(wrong)
    expect(
      await ask({
        ...signed({ names: ['@request-target', 'date', 'x-a'], fields: { date: DATE, 'x-a': '1' } }),
        'x-a': '2',
      }),
    ).toBe(wrong)
    expect(await ask(signed({ algorithm: 'hmac-sha512' }))).toBe('the algorithm is not allowed')
    expect(await ask(signed({ names: ['date'] }))).toBe('"@request-target" must be signed')
    expect(await ask(signed({ names: ['@request-target'] }))).toBe('"date" must be signed')
    expect(await ask(signed({ names: ['@request-target', 'date', 'x-gone'] }))).toBe(
      'a header that is signed is not there',
    )
    expect(await ask(signed({ fields: { date: '2026-03-03T10:00:00Z' } }))).toBe(
      'the Date of the request is no HTTP date',
    )
    const { authorization } = signed()
    expect(await ask({ authorization })).toBe('the Date of the request is no HTTP date')
    expect(await ask({})).toBe('the request has no Authorization header')
    expect(await ask({ authorization: 'Basic YTpi' })).toBe('the Authorization header does not hold a signature')
    vi.setSystemTime(NOW + 300_001)
    expect(await ask(signed())).toBe('the clock of the caller differs too much')
    vi.setSystemTime(NOW - 300_001)
    expect(await ask(signed())).toBe('the clock of the caller differs too much')
    expect(gateway.echo.requests).toEqual([])
    vi.setSystemTime(NOW + 300_000)
    expect((await gateway.fetch('/a?b=c', { headers: signed() })).status).toBe(200)
  })

  test('covers what the route asks for; Date in any case', async () => {
    const gateway = await gatewayOf({ signed_headers: ['X-Tenant'], clock_skew: 1 })
    const ask = async (names: string[]) =>
      (await gateway.fetch('/a?b=c', { headers: signed({ names, fields: { date: DATE, 'x-tenant': 't' } }) })).status
    expect([await ask(['x-tenant', 'date']), await ask(['x-tenant']), await ask(['date'])]).toEqual([200, 401, 401])
  })

  test('is hidden from the upstream on request, and the anonymous consumer stands for those without', async () => {
    const gateway = await gatewayOf({ hide_credentials: true, anonymous_consumer: 'guest', realm: 'x' })
    const known = await gateway.fetch('/a?b=c', { headers: signed() })
    expect([known.status, known.body.includes('Signature')]).toEqual([200, false])
    expect((await gateway.fetch('/')).body).toContain('"x-consumer-username":"guest"')
  })
})

describe('the body', () => {
  const digest = (body: string) => `SHA-256=${createHash('sha256').update(body).digest('base64')}`
  const names = ['@request-target', 'date', 'digest']
  const post = async (gateway: TestGateway, body: string, fields: Record<string, string>, signedNames = names) => {
    const headers = signed({ method: 'POST', target: '/a', names: signedNames, fields: { date: DATE, ...fields } })
    return gateway.fetch('/a', { method: 'POST', headers, body })
  }

  test('must be as its digest says, which must be signed', async () => {
    const gateway = await gatewayOf({ validate_request_body: true, max_req_body_size: 20 })
    const right = await post(gateway, 'hello', { digest: digest('hello') })
    expect([right.status, (right.json() as { body: string }).body]).toEqual([200, 'hello'])
    expect((await post(gateway, '', { digest: digest('') })).status).toBe(200)
    expect((await post(gateway, 'hellO', { digest: digest('hello') })).status).toBe(401)
    expect((await post(gateway, 'hello', { digest: 'SHA-256=abc' })).status).toBe(401)
    expect((await post(gateway, 'hello', { digest: `MD5=abc,${digest('hello')}` })).status).toBe(200)
    expect((await post(gateway, 'hello', { digest: digest('hello') }, ['@request-target', 'date'])).status).toBe(401)
    const long = 'x'.repeat(21)
    expect((await post(gateway, long, { digest: digest(long) })).status).toBe(413)
    expect(gateway.echo.requests).toHaveLength(3)
  })
})

test('reading what strangers send never fails, and finds only what is there', () => {
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000)
  const piece = fc.constantFrom(
    'keyId',
    '="',
    '"',
    ',',
    ' ',
    'algorithm',
    'signature',
    'headers',
    'Signature ',
    'a',
    '=',
    'x="y"',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const field = `Signature ${pieces.join('')}`
      const params = readSignature(field)
      if (params === undefined) return
      for (const text of [params.keyId, params.algorithm, params.signature]) expect(field).toContain(`"${text}"`)
    }),
    { seed, numRuns: 2_000 },
  )
  expect(readSignature('Signature keyId="a",keyId="b",algorithm="c",signature="d"')).toBeUndefined()
  expect(readSignature(`Signature keyId="a",algorithm="c",signature="d",headers="${'x '.repeat(101)}"`)).toBeUndefined()
})
