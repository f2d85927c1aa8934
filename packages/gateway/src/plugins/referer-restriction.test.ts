import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, config: object): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'referer-restriction': config },
})
const LIST = ['xx.com', '*.yy.com', '[::1]', '*zz.com']

describe('referer-restriction', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      routes: [
        route('/allow', { whitelist: LIST }),
        route('/deny', { blacklist: LIST }),
        route('/bypass', { whitelist: LIST, bypass_missing: true }),
        route('/any', { whitelist: ['*'] }),
        route('/words', { whitelist: ['a'], message: 'no' }),
      ],
    })
  })
  afterAll(() => gateway.close())

  const statusFor = async (path: string, referer?: string | string[]): Promise<number> =>
    (await gateway.fetch(path, { headers: referer === undefined ? {} : { referer } })).status

  it.each([
    'http://xx.com',
    'https://XX.com:8443/p?q#f',
    'http://user@xx.com/',
    'http://www.yy.com/',
    'http://a.b.yy.com',
    'http://[::1]:80/',
    'http://azz.com',
  ])('%s is on the list', async (referer) => {
    expect(await statusFor('/allow', referer)).toBe(200)
    expect(await statusFor('/deny', referer)).toBe(403)
  })

  it.each([
    'http://www.xx.com',
    'http://yy.com/',
    'http://xx.com.evil.test/',
    'http://evil.test/?http://xx.com/',
    'http://xx.com@evil.test/',
    'http://evil.test/http://xx.com',
  ])('%s is not', async (referer) => {
    expect(await statusFor('/allow', referer)).toBe(403)
    expect(await statusFor('/deny', referer)).toBe(200)
  })

  it.each(['xx.com', 'ftp://xx.com', 'http://', 'about:blank', 'http:\\\\xx.com', 'http://xx.com\\@evil.test/'])(
    '%s counts as none',
    async (referer) => {
      expect(await statusFor('/allow', referer)).toBe(403)
      expect(await statusFor('/deny', referer)).toBe(403)
      expect(await statusFor('/bypass', referer)).toBe(200)
    },
  )

  it('a request without Referer passes only where it is said', async () => {
    expect(await statusFor('/allow')).toBe(403)
    expect(await statusFor('/deny')).toBe(403)
    expect(await statusFor('/any')).toBe(403)
    expect(await statusFor('/bypass')).toBe(200)
    expect(await statusFor('/any', 'http://anybody.test/')).toBe(200)
  })

  it('knows a host by its name with a dot behind it', async () => {
    expect(await statusFor('/deny', 'http://xx.com./')).toBe(403)
    expect(await statusFor('/allow', 'http://xx.com.:80/a')).toBe(200)
  })

  it('of several all must be allowed', async () => {
    expect(await statusFor('/allow', ['http://xx.com/', 'http://evil.test/'])).toBe(403)
    expect(await statusFor('/allow', ['http://xx.com/', 'http://www.yy.com/'])).toBe(200)
    expect(await statusFor('/deny', ['http://fine.test/', 'http://xx.com/'])).toBe(403)
  })

  it('says so, in the words of the configuration', async () => {
    expect((await gateway.fetch('/allow')).json()).toEqual({ message: 'Your referer host is not allowed' })
    expect((await gateway.fetch('/words')).json()).toEqual({ message: 'no' })
  })

  it.each([
    [{}, 'needs "whitelist" or "blacklist"'],
    [{ whitelist: ['a'], blacklist: ['b'] }, 'has both "whitelist" and "blacklist"'],
    [{ whitelist: [] }, '/referer-restriction/whitelist'],
    [{ whitelist: ['http://a'] }, '/referer-restriction/whitelist/0'],
    [{ whitelist: ['a*'] }, '/referer-restriction/whitelist/0'],
  ])('refuses %j', async (config, message) => {
    await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(message)
  })
})
