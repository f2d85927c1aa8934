import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EchoedRequest } from '../testing/echo-upstream.ts'
import { startGateway, type Answer, type TestGateway } from '../testing/start-gateway.ts'

const CONSUMERS = [
  { username: 'jack', labels: { custom_id: 'c-7' }, plugins: { 'key-auth': { key: 'jack-key' } } },
  { username: 'jill', plugins: { 'key-auth': { key: 'schlüssel & co' } } },
  { username: 'guest', plugins: {} },
]

const route = (uri: string, config: object, more: object = {}): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'key-auth': config, ...more },
})

const document = {
  consumers: CONSUMERS,
  routes: [
    route('/plain', {}),
    route('/named', { header: 'X-Key', query: 'my key', realm: 'orders & co' }),
    route('/hidden', { hide_credentials: true }),
    route('/guests', { anonymous_consumer: 'guest', hide_credentials: true }),
    route('/nobody', { anonymous_consumer: 'missing' }),
    route('/rewritten', { hide_credentials: true }, { 'proxy-rewrite': { uri: '/new' } }),
    route('/both', { hide_credentials: true }, { 'basic-auth': { anonymous_consumer: 'guest' } }),
  ],
}

const upstreamOf = (answer: Answer): EchoedRequest => {
  expect(answer.status).toBe(200)
  return answer.json() as EchoedRequest
}

describe('key-auth', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway(document)
  })
  afterAll(() => gateway.close())

  it('lets in a caller with a key in the header, and tells the upstream who it is', async () => {
    const { headers } = upstreamOf(await gateway.fetch('/plain', { headers: { APIKEY: 'jack-key' } }))
    expect(headers).toMatchObject({ 'x-consumer-username': 'jack', 'x-consumer-custom-id': 'c-7', apikey: 'jack-key' })
  })

  it('does not believe what a caller says of itself', async () => {
    const claims = { 'X-Consumer-Username': 'root', 'X-Consumer-Custom-ID': '0', 'X-Credential-Identifier': 'x' }
    const { headers } = upstreamOf(
      await gateway.fetch('/plain', {
        headers: { ...claims, apikey: Buffer.from('schlüssel & co').toString('latin1') },
      }),
    )
    expect(headers['x-consumer-username']).toBe('jill')
    expect(headers).not.toHaveProperty('x-consumer-custom-id')
    expect(headers).not.toHaveProperty('x-credential-identifier')
  })

  it.each(['apikey=jack-key', 'x=1&apikey=jack-key&y=2', 'api%6bey=jack%2dkey', 'apikey=schl%C3%BCssel+%26+co'])(
    'lets in a caller with a key in the query: %s',
    async (query) => {
      const { url } = upstreamOf(await gateway.fetch(`/plain?${query}`))
      expect(url).toBe(`/plain?${query}`)
    },
  )

  it('refuses a request without a key, and says what it wants', async () => {
    const answer = await gateway.fetch('/plain')
    expect(answer.status).toBe(401)
    expect(answer.json()).toEqual({ message: 'the request has no API key' })
    expect(answer.headers).toMatchObject({
      'www-authenticate': 'apikey realm="key"',
      'content-type': 'application/json',
    })
  })

  it.each([
    ['unknown', 'wrong'],
    ['in another case', 'JACK-KEY'],
    ['longer', 'jack-key2'],
    ['shorter', 'jack-ke'],
    ['empty', ''],
    ['a name of every object', '__proto__'],
    ['many bytes', 'k'.repeat(8_000)],
    ['bytes that are no UTF-8', '\xff\xfe'],
  ])('refuses a key that is %s', async (_, key) => {
    const answer = await gateway.fetch('/plain', { headers: { apikey: key } })
    expect(answer.status).toBe(401)
    expect(answer.json()).toEqual({ message: 'the API key is not valid' })
    expect(answer.headers['www-authenticate']).toBe('apikey realm="key"')
  })

  it.each(['apikey', 'apikey=', 'apikey=%', 'apikey=wrong&apikey=jack-key', 'apikey=jack-key%00'])(
    'refuses what is no key in the query: %s',
    async (query) => {
      expect((await gateway.fetch(`/plain?${query}`)).status).toBe(401)
    },
  )

  it('a key in the header counts before one in the query, also when it is wrong', async () => {
    expect((await gateway.fetch('/plain?apikey=jack-key', { headers: { apikey: 'wrong' } })).status).toBe(401)
    expect((await gateway.fetch('/plain?apikey=wrong', { headers: { apikey: 'jack-key' } })).status).toBe(200)
  })

  it('two header fields are no key', async () => {
    expect((await gateway.fetch('/plain', { headers: { apikey: ['jack-key', 'jack-key'] } })).status).toBe(401)
  })

  it('takes header, query and realm from the configuration', async () => {
    expect((await gateway.fetch('/named', { headers: { 'x-key': 'jack-key' } })).status).toBe(200)
    expect((await gateway.fetch('/named?my%20key=jack-key')).status).toBe(200)
    expect((await gateway.fetch('/named?my+key=jack-key')).status).toBe(200)
    const answer = await gateway.fetch('/named?apikey=jack-key', { headers: { apikey: 'jack-key' } })
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toBe('apikey realm="orders & co"')
  })

  describe('hide_credentials', () => {
    it('takes the header out', async () => {
      const { headers, url } = upstreamOf(await gateway.fetch('/hidden?x=1', { headers: { apikey: 'jack-key' } }))
      expect(headers).not.toHaveProperty('apikey')
      expect(headers['x-consumer-username']).toBe('jack')
      expect(url).toBe('/hidden?x=1')
    })

    it.each([
      ['apikey=jack-key', '/hidden'],
      ['x=%201&apikey=jack-key&y', '/hidden?x=%201&y'],
      ['apikey=jack-key&api%6Bey=jack-key', '/hidden'],
    ])('takes it out of the query: %s', async (query, url) => {
      expect(upstreamOf(await gateway.fetch(`/hidden?${query}`)).url).toBe(url)
    })

    it('takes out the key that did not let the caller in as well', async () => {
      const { url, rawHeaders } = upstreamOf(
        await gateway.fetch('/hidden?apikey=jack-key', { headers: { apikey: 'jack-key' } }),
      )
      expect(url).toBe('/hidden')
      expect(rawHeaders.join()).not.toContain('jack-key')
    })

    it('holds when proxy-rewrite changes the target afterwards', async () => {
      const { url } = upstreamOf(await gateway.fetch('/rewritten?x=1&apikey=jack-key'))
      expect(url).toBe('/new?x=1')
    })
  })

  describe('anonymous_consumer', () => {
    it.each([{}, { apikey: 'wrong' }])('stands for a caller with %j', async (headers) => {
      const upstream = upstreamOf(await gateway.fetch('/guests', { headers }))
      expect(upstream.headers['x-consumer-username']).toBe('guest')
      expect(upstream.headers).not.toHaveProperty('apikey')
    })

    it('does not stand for one with a good key', async () => {
      const upstream = upstreamOf(await gateway.fetch('/guests', { headers: { apikey: 'jack-key' } }))
      expect(upstream.headers['x-consumer-username']).toBe('jack')
    })

    it('that does not exist lets nobody in', async () => {
      const answer = await gateway.fetch('/nobody')
      expect(answer.status).toBe(401)
      expect(answer.headers['www-authenticate']).toBe('apikey realm="key"')
    })
  })

  it('with basic-auth on the same route the caller needs both', async () => {
    expect((await gateway.fetch('/both')).status).toBe(401)
    const upstream = upstreamOf(await gateway.fetch('/both', { headers: { apikey: 'jack-key' } }))
    expect(upstream.headers['x-consumer-username']).toBe('jack')
  })

  it('follows consumers as they change', async () => {
    const others = CONSUMERS.filter(({ username }) => username !== 'jack')
    await gateway.update({
      ...document,
      consumers: [...others, { username: 'joe', plugins: { 'key-auth': { key: 'jack-key' } } }],
    })
    const upstream = upstreamOf(await gateway.fetch('/plain', { headers: { apikey: 'jack-key' } }))
    expect(upstream.headers['x-consumer-username']).toBe('joe')
    await gateway.update({ ...document, consumers: others })
    expect((await gateway.fetch('/plain', { headers: { apikey: 'jack-key' } })).status).toBe(401)
    await gateway.update(document)
    expect((await gateway.fetch('/plain', { headers: { apikey: 'jack-key' } })).status).toBe(200)
  })

  describe('configuration', () => {
    it.each([
      [{ header: 'x key' }, '/routes/0/plugins/key-auth/header', 'must be a header name'],
      [{ header: '' }, '/routes/0/plugins/key-auth/header', 'must be a header name'],
      [{ query: '' }, '/routes/0/plugins/key-auth/query', 'must not be empty'],
      [{ realm: 'say "x"' }, '/routes/0/plugins/key-auth/realm', 'without " and \\'],
      [{ realm: 'a\r\nb' }, '/routes/0/plugins/key-auth/realm', 'visible ASCII'],
      [{ realm: 'x'.repeat(129) }, '/routes/0/plugins/key-auth/realm', 'must have at most 128 characters'],
      [{ hide_credentials: 'yes' }, '/routes/0/plugins/key-auth/hide_credentials', 'true or false'],
      [{ anonymous_consumer: '' }, '/routes/0/plugins/key-auth/anonymous_consumer', 'must not be empty'],
      [{ headers: 'x' }, '/routes/0/plugins/key-auth/headers', 'did you mean "header"?'],
    ])('refuses %j', async (config, path, message) => {
      const update = gateway.update({ consumers: CONSUMERS, routes: [route('/x', config)] })
      await expect(update).rejects.toThrow(path)
      await expect(update).rejects.toThrow(message)
    })

    it.each([
      [{}, '"key" is missing'],
      [{ key: '' }, '/consumers/0/plugins/key-auth/key'],
      [{ key: 7 }, 'must be text'],
      [{ key: '$env://SEKISHO_NOT_SET' }, 'environment variable "SEKISHO_NOT_SET" is not set'],
      [{ key: '$secret://vault/1/a/b' }, 'there is no secret manager "vault/1"'],
      [{ key: 'a\n' }, 'may not hold control characters'],
    ])('refuses %j on a consumer', async (config, message) => {
      await expect(gateway.update({ consumers: [{ username: 'a', plugins: { 'key-auth': config } }] })).rejects.toThrow(
        message,
      )
    })

    it('refuses one key for two consumers', async () => {
      const twice = ['a', 'b'].map((username) => ({ username, plugins: { 'key-auth': { key: 'top-secret' } } }))
      const update = gateway.update({ consumers: twice })
      await expect(update).rejects.toThrow('consumer "a" has the same key')
    })

    it('what was refused changed nothing', async () => {
      expect((await gateway.fetch('/plain', { headers: { apikey: 'jack-key' } })).status).toBe(200)
    })
  })
})
