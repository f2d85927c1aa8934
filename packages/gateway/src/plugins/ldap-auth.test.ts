import { createServer, type AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../../../wire/src/testing/seeded-random.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { KnownCredentials } from './ldap/known-credentials.ts'
import { escapeDnValue } from './ldap/dn.ts'
import { FakeDirectory, INVALID_CREDENTIALS, SUCCESS } from './ldap/testing/fake-directory.ts'
import { hasSlapd, Slapd } from './ldap/testing/slapd.ts'
import ldapAuth from './ldap-auth.ts'
import { problemsOf } from './testing/mounted.ts'

const BASE = 'ou=people,dc=example,dc=org'
const basic = (name: string, password: string): Record<string, string> => ({
  Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
})

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({})
})
afterAll(() => gateway.close())

const update = (port: number, config: object = {}, people: readonly string[] = ['cn=jack']): Promise<void> =>
  gateway.update({
    consumers: people.map((name, index) => ({
      username: `user${index}`,
      plugins: { 'ldap-auth': { user_dn: `${name},${BASE}` } },
    })),
    routes: [
      {
        id: 'one',
        uri: '/*',
        upstream_id: 'echo',
        plugins: { 'ldap-auth': { ldap_uri: `127.0.0.1:${port}`, base_dn: BASE, ...config } },
      },
    ],
  })
const fetchAs = (name: string, password: string) => gateway.fetch('/', { headers: basic(name, password) })
const upstreamFields = (body: unknown): object => (body as { headers: object }).headers

describe('with a directory of the test', () => {
  let directory: FakeDirectory
  beforeEach(async () => {
    directory = await FakeDirectory.start(({ password }) => (password === 'right' ? SUCCESS : INVALID_CREDENTIALS))
  })
  afterEach(() => directory.close())

  it('asks with the name below the base', async () => {
    await update(directory.port)
    const answer = await fetchAs('jack', 'right')
    expect(answer.status).toBe(200)
    expect(upstreamFields(answer.json())).toMatchObject({
      'x-consumer-username': 'user0',
      authorization: expect.any(String),
    })
    expect(directory.binds).toEqual([{ dn: `cn=jack,${BASE}`, password: 'right' }])
    await update(directory.port, { uid: 'uid', hide_credentials: true }, ['uid=jack'])
    expect(upstreamFields((await fetchAs('jack', 'right')).json())).not.toHaveProperty('authorization')
    expect(directory.binds[1]?.dn).toBe(`uid=jack,${BASE}`)
  })

  it('refuses who is wrong, who is no consumer, and what is no credentials, with a challenge', async () => {
    await update(directory.port)
    const wrong = await fetchAs('jack', 'wrong')
    expect([wrong.status, wrong.headers['www-authenticate']]).toEqual([401, 'Basic realm="ldap"'])
    const stranger = await fetchAs('jill', 'right')
    expect([stranger.status, stranger.body]).toEqual([401, wrong.body])
    for (const headers of [{}, { Authorization: 'Bearer x' }, { Authorization: 'Basic !' }] as Record<
      string,
      string
    >[]) {
      expect((await gateway.fetch('/', { headers })).status).toBe(401)
    }
  })

  it('never asks without a password or a name: a directory would say yes', async () => {
    directory.answer = () => SUCCESS
    await update(directory.port)
    expect((await fetchAs('jack', '')).status).toBe(401)
    expect((await fetchAs('', 'right')).status).toBe(401)
    expect(directory.binds).toEqual([])
  })

  it('uses a connection again, and a new one when it was closed meanwhile', async () => {
    await update(directory.port)
    for (const password of ['right', 'wrong', 'right']) await fetchAs('jack', password)
    expect(directory.connections).toBe(1)
    directory.disconnect()
    expect((await fetchAs('jack', 'right')).status).toBe(200)
    expect(directory.connections).toBe(2)
  })

  it('keeps what was right for a while, where that is asked for', async () => {
    await update(directory.port, { cache_ttl: 60 })
    for (const password of ['right', 'right', 'wrong', 'wrong']) await fetchAs('jack', password)
    expect(directory.binds.map(({ password }) => password)).toEqual(['right', 'wrong', 'wrong'])
  })

  it.each<[string, () => number | Buffer | undefined]>([
    ['silent', () => undefined],
    ['busy', () => 51],
    ['sending nonsense', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['sending an endless length', () => Buffer.from('3084ffffffff0201', 'hex')],
  ])('is closed when it is %s', async (_name, answer) => {
    directory.answer = answer
    await update(directory.port, { timeout: 200 })
    expect((await fetchAs('jack', 'right')).status).toBe(503)
    directory.answer = () => SUCCESS
    expect((await fetchAs('jack', 'right')).status).toBe(200)
  })

  it('is closed when it is away', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    await update(port)
    expect((await fetchAs('jack', 'right')).status).toBe(503)
  })

  it(`survives any bytes of a directory (seed ${fuzzSeed(11)})`, async () => {
    const random = new SeededRandom(fuzzSeed(11))
    const good = Buffer.from('300c02010161070a010004000400', 'hex')
    await update(directory.port, { timeout: 100 })
    for (let run = 0; run < fuzzRuns(60); run++) {
      directory.answer = () => {
        const bytes = Buffer.from(good)
        for (let edit = 0; edit <= random.below(4); edit++) bytes[random.below(bytes.length)] = random.below(256)
        return random.chance(0.2) ? bytes.subarray(0, random.below(bytes.length)) : bytes
      }
      expect([200, 401, 503]).toContain((await fetchAs('jack', 'right')).status)
    }
  }, 30_000)
})

describe.skipIf(!hasSlapd)('with OpenLDAP (needs slapd)', () => {
  const ODD = ' #a,b=c+d"e\\f<g>h;i '
  let slapd: Slapd
  beforeAll(async () => {
    slapd = await Slapd.start({ jack: 'sécret: 1', jill: 'other', [ODD]: 'odd', 'jack,ou=people': 'nested' })
  })
  afterAll(() => slapd.stop())

  it('lets in who has the password', async () => {
    await update(slapd.port)
    expect((await fetchAs('jack', 'sécret: 1')).status).toBe(200)
    for (const password of ['other', 'secret: 1', '']) expect((await fetchAs('jack', password)).status).toBe(401)
    expect((await fetchAs('jill', 'other')).status).toBe(401)
    expect((await fetchAs('nobody', 'x')).status).toBe(401)
  })

  it('a name stays a name', async () => {
    await update(slapd.port, {}, [`cn=${escapeDnValue(ODD)}`, 'cn=jack'])
    expect((await fetchAs(ODD, 'odd')).status).toBe(200)
    for (const name of [
      'jill,ou=people,dc=example,dc=org?',
      'x+cn=jack',
      '*',
      'jack)(cn=*',
      'jack,',
      'JACK ',
      'jack\\',
    ]) {
      expect((await fetchAs(name, 'sécret: 1')).status).toBe(401)
    }
  })

  it('TLS: the certificate counts', async () => {
    await update(slapd.tlsPort, { use_tls: true })
    expect((await fetchAs('jack', 'sécret: 1')).status).toBe(503)
    await update(slapd.tlsPort, { ldap_uri: `ldaps://127.0.0.1:${slapd.tlsPort}`, tls_verify: false })
    expect((await fetchAs('jack', 'sécret: 1')).status).toBe(200)
    await update(slapd.tlsPort, { use_tls: false, timeout: 500 })
    expect((await fetchAs('jack', 'sécret: 1')).status).toBe(503)
  })
})

it('escapes names as RFC 4514 says', () => {
  const cases = {
    jack: 'jack',
    ' a': '\\ a',
    'a ': 'a\\ ',
    ' ': '\\ ',
    '  ': '\\ \\ ',
    '#a': '\\#a',
    'a#': 'a#',
    'a,b': 'a\\,b',
    ä: 'ä',
  }
  for (const [name, escaped] of Object.entries(cases)) expect(escapeDnValue(name)).toBe(escaped)
})

it('forgets credentials when their time is over, and the oldest when there are many', () => {
  let now = 0
  const known = new KnownCredentials(1_000, () => now)
  known.add('a', 'x')
  expect([known.has('a', 'x'), known.has('a', 'y'), known.has('a\0x', '')]).toEqual([true, false, false])
  now = 1_000
  expect(known.has('a', 'x')).toBe(false)
  known.add('first', 'x')
  for (let user = 0; user < 10_000; user++) known.add(`user${user}`, 'x')
  expect([known.has('first', 'x'), known.has('user1', 'x')]).toEqual([false, true])
})

it.each([
  [{ base_dn: 'a=b' }, '"ldap_uri" is missing'],
  [{ ldap_uri: 'a' }, '"base_dn" is missing'],
  [{ ldap_uri: 'http://a', base_dn: 'a=b' }, '/ldap_uri: must be a host'],
  [{ ldap_uri: 'a:70000', base_dn: 'a=b' }, '/ldap_uri: must be a host'],
  [{ ldap_uri: 'a/dc=x', base_dn: 'a=b' }, '/ldap_uri: must be a host'],
  [{ ldap_uri: 'a', base_dn: 'a=b', uid: 'cn=x,cn' }, '/uid: must be the name'],
  [{ ldap_uri: 'a', base_dn: 'a=b', realm: 'a"b' }, '/realm'],
])('%j is refused', (config, problem) => {
  expect(problemsOf(ldapAuth, config).join()).toContain(problem)
})
