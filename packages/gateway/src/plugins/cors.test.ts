import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type Answer, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, config: object, more: object = {}): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { cors: config, ...more },
})

const A = 'https://a.com'
const B = 'http://b.com:8080'
const EVIL = 'https://evil.com'

const document = {
  plugin_metadata: [{ id: 'cors', allow_origins: { partners: `${A},${B}`, all: '*', any: '**' } }],
  routes: [
    route('/default', {}),
    route('/list', {
      allow_origins: `${A},${B}`,
      allow_methods: 'GET,POST',
      allow_headers: 'x-a,x-b',
      expose_headers: 'x-echo',
      max_age: 600,
      allow_credential: true,
    }),
    route('/one', { allow_origins: A }),
    route('/null', { allow_origins: 'null' }),
    route('/forced', { allow_origins: '**', allow_methods: '**', allow_headers: '**', allow_credential: true }),
    route('/regex', {
      allow_origins_by_regex: ['^https://[a-z]+\\.test\\.com$', '(?i)^http://LOCALHOST'],
      allow_credential: false,
    }),
    route('/regex-credential', {
      allow_origins_by_regex: ['test\\.com$'],
      allow_methods: 'GET',
      allow_headers: 'x',
      allow_credential: true,
    }),
    route('/metadata', { allow_origins_by_metadata: ['partners', 'unknown', 'toString'] }),
    route('/metadata-list', { allow_origins_by_metadata: ['partners'], allow_origins: 'https://own.com' }),
    route('/metadata-regex', { allow_origins_by_metadata: ['partners'], allow_origins_by_regex: ['^https://own'] }),
    route('/metadata-all', { allow_origins_by_metadata: ['all'] }),
    route('/metadata-any', { allow_origins_by_metadata: ['any'] }),
    route('/metadata-credential', {
      allow_origins_by_metadata: ['all', 'partners'],
      allow_methods: 'GET',
      allow_headers: 'x',
      allow_credential: true,
    }),
    route('/timing', { allow_origins: A, timing_allow_origins: B, max_age: -1 }),
    route('/timing-all', { timing_allow_origins: '*' }),
    route('/timing-forced', { timing_allow_origins: '**' }),
    route('/timing-regex', { allow_origins: A, timing_allow_origins: A, timing_allow_origins_by_regex: ['b\\.com'] }),
    route('/blocked', { allow_origins: A }, { 'ip-restriction': { whitelist: ['10.0.0.1'] } }),
  ],
}

describe('cors', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway(document)
  })
  afterAll(() => gateway.close())

  const from = (origin: string | undefined, path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    gateway.fetch(path, { headers: { ...headers, ...(origin !== undefined && { origin }) } })

  /** Only what CORS is about, without the prefix. */
  const corsOf = ({ headers }: Answer): Record<string, string> =>
    Object.fromEntries(
      Object.entries(headers)
        .filter(([name]) => /^access-control|^timing|^vary/.test(name))
        .map(([name, value]) => [name.replace('access-control-', ''), value]),
    )

  const allowed = async (origin: string | undefined, path: string): Promise<string | undefined> =>
    (await from(origin, path)).headers['access-control-allow-origin']

  it('by default lets every page read, without credentials', async () => {
    const headers = { 'allow-origin': '*', 'allow-methods': '*', 'allow-headers': '*', 'max-age': '5' }
    const answer = await from(A, '/default')
    expect(corsOf(answer)).toEqual(headers)
    expect(answer.status).toBe(200)
    expect(answer.headers['x-echo']).toBe('1')
    expect(corsOf(await from(undefined, '/default'))).toEqual(headers)
  })

  it('answers OPTIONS itself', async () => {
    const before = gateway.echo.requests.length
    const answer = await gateway.fetch('/list', {
      method: 'OPTIONS',
      headers: { origin: A, 'access-control-request-method': 'POST' },
    })
    expect(answer.status).toBe(200)
    expect(answer.body).toBe('')
    expect(corsOf(answer)).toEqual({
      'allow-origin': A,
      'allow-methods': 'GET,POST',
      'allow-headers': 'x-a,x-b',
      'expose-headers': 'x-echo',
      'allow-credentials': 'true',
      'max-age': '600',
      vary: 'Origin',
    })
    expect((await gateway.fetch('/list', { method: 'OPTIONS', headers: { origin: EVIL } })).status).toBe(200)
    expect(gateway.echo.requests.length).toBe(before)
  })

  it('serves an origin that is not allowed without the headers', async () => {
    const answer = await from(EVIL, '/list')
    expect(answer.status).toBe(200)
    expect(corsOf(answer)).toEqual({ vary: 'Origin' })
    expect(corsOf(await from(undefined, '/list'))).toEqual({ vary: 'Origin' })
  })

  it.each([
    [A, '/list', A],
    [B, '/list', B],
    [A, '/one', A],
    [B, '/one', undefined],
    ['HTTPS://A.COM', '/one', undefined],
    [`${A}/`, '/one', undefined],
    [`${A}, ${A}`, '/one', undefined],
    ['', '/one', undefined],
    ['null', '/null', 'null'],
    [A, '/null', undefined],
    [undefined, '/null', undefined],
    [EVIL, '/forced', EVIL],
    [undefined, '/forced', '*'],
    ['https://sub.test.com', '/regex', 'https://sub.test.com'],
    ['http://localhost:3000', '/regex', 'http://localhost:3000'],
    ['https://sub.test.com.evil.com', '/regex', undefined],
    [undefined, '/regex', undefined],
    ['https://x.test.com', '/regex-credential', 'https://x.test.com'],
    [B, '/metadata', B],
    [EVIL, '/metadata', undefined],
    [undefined, '/metadata', undefined],
    [A, '/metadata-list', A],
    ['https://own.com', '/metadata-list', 'https://own.com'],
    [EVIL, '/metadata-list', undefined],
    ['https://own.net', '/metadata-regex', 'https://own.net'],
    [A, '/metadata-regex', A],
    [EVIL, '/metadata-regex', undefined],
    [EVIL, '/metadata-all', EVIL],
    [undefined, '/metadata-all', undefined],
    [EVIL, '/metadata-any', EVIL],
    [A, '/metadata-credential', A],
    [EVIL, '/metadata-credential', undefined],
  ])('%s on %s may read as %s', async (origin, path, expected) => {
    expect(await allowed(origin, path)).toBe(expected)
  })

  it('"**" names all methods, and the headers that the browser asked for', async () => {
    const answer = await from(EVIL, '/forced', { 'access-control-request-headers': 'x-one, x-two' })
    expect(corsOf(answer)).toEqual({
      'allow-origin': EVIL,
      'allow-methods': 'GET,POST,PUT,DELETE,PATCH,HEAD,OPTIONS,CONNECT,TRACE',
      'allow-headers': 'x-one, x-two',
      'allow-credentials': 'true',
      'max-age': '5',
      vary: 'Origin',
    })
    expect(corsOf(await from(EVIL, '/forced'))).not.toHaveProperty('allow-headers')
  })

  it('odd bytes in what is sent back are no error', async () => {
    const answer = await from('https://\xe9\xff.com', '/forced', { 'access-control-request-headers': '\xe9\t"<x>' })
    expect(answer.status).toBe(200)
    expect(corsOf(answer)).toMatchObject({ 'allow-origin': 'https://\xe9\xff.com', 'allow-headers': '\xe9\t"<x>' })
    expect((await from('x'.repeat(8_000), '/regex')).status).toBe(200)
  })

  it('replaces what the upstream says, for allowed origins', async () => {
    const said = {
      'Access-Control-Allow-Origin': EVIL,
      'Access-Control-Allow-Credentials': 'true',
      'access-control-max-age': '1',
    }
    const headers = { 'x-answer-headers': JSON.stringify(said) }
    expect(corsOf(await from(A, '/one', headers))).toEqual({
      'allow-origin': A,
      'allow-methods': '*',
      'allow-headers': '*',
      'max-age': '5',
      vary: 'Origin',
    })
    expect((await from(EVIL, '/one', headers)).headers['access-control-allow-origin']).toBe(EVIL)
  })

  it.each([
    ['Accept-Encoding', 'Accept-Encoding, Origin'],
    ['accept, ORIGIN', 'accept, ORIGIN'],
    ['*', '*'],
    ['X-Origin', 'X-Origin, Origin'],
  ])('adds to Vary: %s becomes %s', async (vary, expected) => {
    const answer = await from(A, '/one', { 'x-answer-headers': JSON.stringify({ vary }) })
    expect(answer.headers['vary']).toBe(expected)
  })

  it('tells who may see timings, apart from who may read', async () => {
    expect(corsOf(await from(B, '/timing'))).toEqual({ 'timing-allow-origin': B, vary: 'Origin' })
    expect(corsOf(await from(A, '/timing'))).toMatchObject({ 'allow-origin': A, 'max-age': '-1' })
    expect(corsOf(await from(A, '/timing'))).not.toHaveProperty('timing-allow-origin')
    expect(corsOf(await from(EVIL, '/timing-all'))).toMatchObject({ 'timing-allow-origin': '*', 'allow-origin': '*' })
    expect(corsOf(await from(EVIL, '/timing-all'))).not.toHaveProperty('vary')
    expect(corsOf(await from(EVIL, '/timing-forced'))).toMatchObject({ 'timing-allow-origin': EVIL, vary: 'Origin' })
    expect(corsOf(await from(A, '/timing-regex'))).not.toHaveProperty('timing-allow-origin')
    expect(corsOf(await from(B, '/timing-regex'))).toMatchObject({ 'timing-allow-origin': B })
  })

  it('a page may read the answers of later plugins, and the errors of the upstream', async () => {
    const answer = await from(A, '/blocked')
    expect(answer.status).toBe(403)
    expect(answer.headers['access-control-allow-origin']).toBe(A)
  })

  it('goes by the Origin that came, whatever later plugins make of it', async () => {
    const rewrite = { 'proxy-rewrite': { headers: { set: { Origin: EVIL } } } }
    await gateway.update({ routes: [route('/rewritten', { allow_origins: A }, rewrite)] })
    const answer = await from(A, '/rewritten')
    expect(answer.headers['access-control-allow-origin']).toBe(A)
    expect((answer.json() as { headers: Record<string, string> }).headers['origin']).toBe(EVIL)
    await gateway.update(document)
  })

  it('follows the metadata as it changes', async () => {
    await gateway.update({ ...document, plugin_metadata: [{ id: 'cors', allow_origins: { partners: EVIL } }] })
    expect(await allowed(EVIL, '/metadata')).toBe(EVIL)
    expect(await allowed(A, '/metadata')).toBeUndefined()
    await gateway.update({ ...document, plugin_metadata: [] })
    expect(await allowed(EVIL, '/metadata')).toBeUndefined()
    await gateway.update(document)
    expect(await allowed(A, '/metadata')).toBe(A)
  })

  describe('configuration', () => {
    const PLACE = '/routes/0/plugins/cors'

    it.each([
      '*',
      '**',
      'null',
      'http://y.com.uk',
      'https://x.com,http://y.com.uk:12000,http://c.tv',
      'capacitor://localhost',
    ])('accepts the origins %s', async (allow_origins) => {
      const config = { allow_origins, timing_allow_origins: allow_origins }
      await expect(gateway.update({ routes: [route('/x', config)] })).resolves.toBeUndefined()
    })

    it.each([
      '',
      '*a',
      '*,http://y.com',
      'nulll',
      'http//y.com.uk',
      'x.com',
      'https://x.com,y.com',
      'https://x.com, http://y.com',
      'http://a\r\nb',
    ])('refuses the origins %j', async (origins) => {
      const refused = (config: object): Promise<void> => gateway.update({ routes: [route('/x', config)] })
      await expect(refused({ allow_origins: origins })).rejects.toThrow(`${PLACE}/allow_origins`)
      await expect(refused({ timing_allow_origins: origins })).rejects.toThrow(`${PLACE}/timing_allow_origins`)
      const metadata = { plugin_metadata: [{ id: 'cors', allow_origins: { a: origins } }] }
      await expect(gateway.update(metadata)).rejects.toThrow('/plugin_metadata/0/allow_origins/a')
    })

    const LISTS = { allow_origins: A, allow_methods: 'GET', allow_headers: 'x' }
    it.each([
      [{ allow_credential: true }, 'allow_origins'],
      [{ ...LISTS, allow_methods: '*', allow_credential: true }, 'allow_methods'],
      [{ ...LISTS, allow_headers: '*', allow_credential: true }, 'allow_headers'],
      [{ ...LISTS, expose_headers: '*', allow_credential: true }, 'expose_headers'],
      [{ ...LISTS, timing_allow_origins: '*', allow_credential: true }, 'timing_allow_origins'],
    ])('refuses "*" with credentials: %j', async (config, field) => {
      const update = gateway.update({ routes: [route('/x', config)] })
      await expect(update).rejects.toThrow(`${PLACE}/${field}`)
      await expect(update).rejects.toThrow('cannot be "*" when "allow_credential" is true')
    })

    it.each([
      [{ allow_origins_by_regex: [] }, 'allow_origins_by_regex'],
      [{ allow_origins_by_regex: ['a', 'a'] }, 'allow_origins_by_regex'],
      [{ allow_origins_by_regex: ['a', '('] }, 'allow_origins_by_regex/1'],
      [{ timing_allow_origins_by_regex: ['[z-a]'] }, 'timing_allow_origins_by_regex/0'],
      [{ allow_origins_by_regex: ['x'.repeat(4097)] }, 'allow_origins_by_regex/0'],
      [{ allow_origins_by_metadata: [''] }, 'allow_origins_by_metadata/0'],
      [{ allow_methods: 'GET\r\nX: y' }, 'allow_methods'],
      [{ allow_headers: 'a\nb' }, 'allow_headers'],
      [{ expose_headers: 'a\0' }, 'expose_headers'],
      [{ max_age: 1.5 }, 'max_age'],
      [{ max_age: -2 }, 'max_age'],
      [{ max_age: '5' }, 'max_age'],
      [{ allow_credentials: true }, 'allow_credentials'],
    ])('refuses %j', async (config, field) => {
      await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(`${PLACE}/${field}`)
    })
  })
})
