import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EchoedRequest } from '../testing/echo-upstream.ts'
import { startGateway, type Answer, type TestGateway } from '../testing/start-gateway.ts'

const consumer = (username: string, password: string, name = username): object => ({
  username: name,
  plugins: { 'basic-auth': { username, password } },
})

const CONSUMERS = [
  consumer('jack', 'secret'),
  consumer('jill', 'a:b c: d', 'jill'),
  consumer('jürgen@example.com', 'pässwörd', 'juergen'),
  { username: 'guest' },
]

const route = (uri: string, config: object): object => ({ uri, upstream_id: 'echo', plugins: { 'basic-auth': config } })

const document = {
  consumers: CONSUMERS,
  routes: [
    route('/plain', {}),
    route('/realm', { realm: 'reports' }),
    route('/hidden', { hide_credentials: true }),
    route('/guests', { anonymous_consumer: 'guest', hide_credentials: true }),
    route('/nobody', { anonymous_consumer: 'missing' }),
  ],
}

const encoded = (text: string): string => Buffer.from(text).toString('base64')
const basic = (text: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Basic ${encoded(text)}` },
})

const upstreamOf = (answer: Answer): EchoedRequest => {
  expect(answer.status).toBe(200)
  return answer.json() as EchoedRequest
}

describe('basic-auth', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway(document)
  })
  afterAll(() => gateway.close())

  it.each([
    ['jack:secret', 'jack'],
    ['jill:a:b c: d', 'jill'],
    ['jürgen@example.com:pässwörd', 'juergen'],
  ])('lets in %s', async (credentials, name) => {
    const { headers } = upstreamOf(await gateway.fetch('/plain', basic(credentials)))
    expect(headers).toMatchObject({ 'x-consumer-username': name, authorization: `Basic ${encoded(credentials)}` })
  })

  it.each([
    `basic ${encoded('jack:secret')}`,
    `BASIC   ${encoded('jack:secret')}`,
    `Basic ${encoded('jack:secret').replace(/=+$/, '')}`,
  ])('reads %s', async (authorization) => {
    expect((await gateway.fetch('/plain', { headers: { authorization } })).status).toBe(200)
  })

  it('refuses a request without credentials, and says what it wants', async () => {
    const answer = await gateway.fetch('/plain')
    expect(answer.status).toBe(401)
    expect(answer.json()).toEqual({ message: 'the request has no Authorization header' })
    expect(answer.headers['www-authenticate']).toBe('Basic realm="basic"')
    expect((await gateway.fetch('/realm')).headers['www-authenticate']).toBe('Basic realm="reports"')
  })

  it.each([
    'jack:wrong',
    'jack:secret2',
    'jack:secre',
    'jack:',
    'jack:Secret',
    ':secret',
    ':',
    'nobody:secret',
    'JACK:secret',
    '__proto__:x',
  ])('refuses %s with the same words for name and password', async (credentials) => {
    const answer = await gateway.fetch('/plain', basic(credentials))
    expect(answer.status).toBe(401)
    expect(answer.json()).toEqual({ message: 'the user name or the password is wrong' })
    expect(answer.headers['www-authenticate']).toBe('Basic realm="basic"')
  })

  it.each([
    '',
    'Basic',
    'Basic ',
    `Bearer ${encoded('jack:secret')}`,
    `Basic${encoded('jack:secret')}`,
    `Basic ${encoded('no colon')}`,
    `Basic ${encoded('jack:secret\n')}`,
    `Basic ${encoded('jack:secret\0')}`,
    `Basic ${encoded('jack:secret')}, Basic ${encoded('jack:secret')}`,
    `Basic ${encoded('jack:secret')} x`,
    'Basic %%%%',
    'Basic =====',
    `Basic ${'A'.repeat(8_000)}`,
  ])('refuses what does not hold Basic credentials: %s', async (authorization) => {
    const answer = await gateway.fetch('/plain', { headers: { authorization } })
    expect(answer.status).toBe(401)
    expect(answer.json()).toEqual({ message: 'the Authorization header does not hold Basic credentials' })
  })

  it('refuses two Authorization headers', async () => {
    const authorization = [`Basic ${encoded('jack:secret')}`, `Basic ${encoded('jack:secret')}`]
    const answer = await gateway.fetch('/plain', { headers: { authorization } })
    expect(answer.status).toBe(401)
  })

  it('hide_credentials takes Authorization out', async () => {
    const { headers } = upstreamOf(await gateway.fetch('/hidden', basic('jack:secret')))
    expect(headers).not.toHaveProperty('authorization')
    expect(headers['x-consumer-username']).toBe('jack')
  })

  it('anonymous_consumer stands for callers that are not recognised', async () => {
    expect(upstreamOf(await gateway.fetch('/guests')).headers['x-consumer-username']).toBe('guest')
    const wrong = upstreamOf(await gateway.fetch('/guests', basic('jack:wrong')))
    expect(wrong.headers['x-consumer-username']).toBe('guest')
    expect(wrong.headers).not.toHaveProperty('authorization')
    expect(upstreamOf(await gateway.fetch('/guests', basic('jack:secret'))).headers['x-consumer-username']).toBe('jack')
    expect((await gateway.fetch('/nobody')).status).toBe(401)
  })

  it('a changed password counts at once, and the old one no more', async () => {
    await gateway.update({ ...document, consumers: [consumer('jack', 'new'), ...CONSUMERS.slice(1)] })
    expect((await gateway.fetch('/plain', basic('jack:new'))).status).toBe(200)
    expect((await gateway.fetch('/plain', basic('jack:secret'))).status).toBe(401)
    await gateway.update(document)
    expect((await gateway.fetch('/plain', basic('jack:secret'))).status).toBe(200)
  })

  it.each([
    [{ realm: '' }, '/routes/0/plugins/basic-auth/realm'],
    [{ realm: 'a\\b' }, '/routes/0/plugins/basic-auth/realm'],
    [{ hide_credentials: 1 }, '/routes/0/plugins/basic-auth/hide_credentials'],
    [{ username: 'a' }, '/routes/0/plugins/basic-auth/username'],
  ])('refuses %j on a route', async (config, message) => {
    await expect(gateway.update({ consumers: CONSUMERS, routes: [route('/x', config)] })).rejects.toThrow(message)
  })

  it.each([
    [{ username: 'a' }, '"password" is missing'],
    [{ password: 'a' }, '"username" is missing'],
    [{ username: 'a:b', password: 'c' }, 'may not hold a colon'],
    [{ username: 'a', password: '' }, '/consumers/0/plugins/basic-auth/password'],
    [{ username: 'a', password: 'b\n' }, 'may not hold control characters'],
    [{ username: 'a', password: '$env://SEKISHO_NOT_SET' }, 'environment variable "SEKISHO_NOT_SET" is not set'],
  ])('refuses %j on a consumer', async (config, message) => {
    await expect(gateway.update({ consumers: [{ username: 'a', plugins: { 'basic-auth': config } }] })).rejects.toThrow(
      message,
    )
  })
})
