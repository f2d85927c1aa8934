import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, config: object): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'ua-restriction': config },
})

const LIST = ['my-bot1', '(Baiduspider)/(\\d+)\\.(\\d+)', '(?i)^curl/']

const document = {
  routes: [
    route('/deny', { denylist: LIST }),
    route('/allow', { allowlist: LIST }),
    route('/bypass', { allowlist: LIST, bypass_missing: true }),
    route('/bypass-deny', { denylist: LIST, bypass_missing: true }),
    route('/words', { denylist: ['.'], message: 'Do you want to do something bad?' }),
  ],
}

describe('ua-restriction', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway(document)
  })
  afterAll(() => gateway.close())

  const statusFor = async (path: string, agent?: string | string[]): Promise<number> =>
    (await gateway.fetch(path, { headers: agent === undefined ? {} : { 'user-agent': agent } })).status

  it.each(['my-bot1', 'Mozilla/5.0 (my-bot1)', 'Baiduspider/3.0', 'CURL/8.5.0'])('%s is on the list', async (agent) => {
    expect(await statusFor('/deny', agent)).toBe(403)
    expect(await statusFor('/allow', agent)).toBe(200)
  })

  it.each(['foo/bar', 'My-Bot1', 'Baiduspider/x.0', 'libcurl/8.5.0', ' ', '(', 'x'.repeat(8_000)])(
    '%s is not',
    async (agent) => {
      expect(await statusFor('/deny', agent)).toBe(200)
      expect(await statusFor('/allow', agent)).toBe(403)
    },
  )

  it('a request without User-Agent passes only where it is said', async () => {
    expect(await statusFor('/deny')).toBe(403)
    expect(await statusFor('/allow')).toBe(403)
    expect(await statusFor('/bypass')).toBe(200)
    expect(await statusFor('/bypass-deny')).toBe(200)
  })

  it('bypass_missing is for none, not for other ones', async () => {
    expect(await statusFor('/bypass', 'foo')).toBe(403)
    expect(await statusFor('/bypass', '')).toBe(403)
    expect(await statusFor('/bypass-deny', 'my-bot1')).toBe(403)
  })

  it('of several User-Agent fields one on the list is enough', async () => {
    expect(await statusFor('/deny', ['foo', 'my-bot1'])).toBe(403)
    expect(await statusFor('/allow', ['foo', 'my-bot1'])).toBe(200)
    expect(await statusFor('/deny', ['foo', 'curl/8'])).toBe(403)
    expect(await statusFor('/deny', ['foo', 'bar'])).toBe(200)
  })

  it('says so, in the words of the configuration', async () => {
    expect((await gateway.fetch('/deny')).json()).toEqual({ message: 'Not allowed' })
    const answer = await gateway.fetch('/words', { headers: { 'user-agent': 'a' } })
    expect(answer.json()).toEqual({ message: 'Do you want to do something bad?' })
  })

  it.each([
    [{}, 'needs "allowlist" or "denylist"'],
    [{ allowlist: ['a'], denylist: ['b'] }, 'has both "allowlist" and "denylist"'],
    [{ denylist: [] }, '/routes/0/plugins/ua-restriction/denylist'],
    [{ denylist: [''] }, '/routes/0/plugins/ua-restriction/denylist/0'],
    [{ denylist: 'a' }, '/routes/0/plugins/ua-restriction/denylist'],
    [{ denylist: ['a', '('] }, '/routes/0/plugins/ua-restriction/denylist/1'],
    [{ allowlist: ['(?>a)'] }, '/routes/0/plugins/ua-restriction/allowlist/0'],
    [{ allowlist: ['a'], message: '' }, '/routes/0/plugins/ua-restriction/message'],
    [{ allowlist: ['a'], message: 'x'.repeat(1025) }, '/routes/0/plugins/ua-restriction/message'],
    [{ allowlist: ['a'], bypass_missing: 0 }, '/routes/0/plugins/ua-restriction/bypass_missing'],
  ])('refuses %j', async (config, message) => {
    await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(message)
  })
})
