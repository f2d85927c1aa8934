import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, config: object): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'ip-restriction': config, 'real-ip': { source: 'http_x_client' } },
})

const document = {
  routes: [
    route('/white', { whitelist: ['10.0.0.0/8', '192.168.1.7', '2001:db8::/32', '127.0.0.1'] }),
    route('/black', { blacklist: ['10.0.0.0/8', '192.168.1.7', '2001:db8::/32'] }),
    route('/silent', { whitelist: ['10.0.0.0/8'], response_code: 404, message: 'nothing here: "x"' }),
    route('/all', { blacklist: ['0.0.0.0/0', '::/0'] }),
  ],
}

const LISTED = [
  '10.0.0.0',
  '10.255.255.255',
  '192.168.1.7',
  '2001:db8::1',
  '2001:DB8:ffff::',
  '::ffff:10.1.2.3',
  '::ffff:a01:203',
]
const OTHERS = [
  '9.255.255.255',
  '11.0.0.0',
  '192.168.1.8',
  '2001:db7::1',
  '::1',
  '::',
  '::ffff:11.1.2.3',
  '64:ff9b::10.1.2.3',
]

describe('ip-restriction', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway(document)
  })
  afterAll(() => gateway.close())

  const statusFor = async (path: string, client?: string): Promise<number> =>
    (await gateway.fetch(path, { headers: client === undefined ? {} : { 'x-client': client } })).status

  it.each(LISTED)('%s is on the list', async (client) => {
    expect(await statusFor('/white', client)).toBe(200)
    expect(await statusFor('/black', client)).toBe(403)
  })

  it.each(OTHERS)('%s is not', async (client) => {
    expect(await statusFor('/white', client)).toBe(403)
    expect(await statusFor('/black', client)).toBe(200)
  })

  it('the address is that of the connection when no plugin knows better', async () => {
    expect(await statusFor('/white')).toBe(200)
    expect(await statusFor('/silent')).toBe(404)
    expect(await statusFor('/all')).toBe(403)
  })

  it('says so, in the words and with the status of the configuration', async () => {
    const answer = await gateway.fetch('/black', { headers: { 'x-client': '10.0.0.1' } })
    expect(answer.json()).toEqual({ message: 'Your IP address is not allowed' })
    const silent = await gateway.fetch('/silent')
    expect(silent.status).toBe(404)
    expect(silent.json()).toEqual({ message: 'nothing here: "x"' })
  })

  it.each([
    [{}, 'needs "whitelist" or "blacklist"'],
    [{ whitelist: ['::1'], blacklist: ['::1'] }, 'has both "whitelist" and "blacklist"'],
    [{ whitelist: [] }, '/routes/0/plugins/ip-restriction/whitelist'],
    [{ whitelist: '10.0.0.1' }, '/routes/0/plugins/ip-restriction/whitelist'],
    [{ whitelist: ['10.0.0.1', '10.0.0.0/33'] }, '/routes/0/plugins/ip-restriction/whitelist/1'],
    [{ blacklist: ['::1/129'] }, 'has a bad prefix length'],
    [{ blacklist: ['localhost'] }, 'is not an IP address or network'],
    [{ blacklist: ['fe80::1%eth0'] }, 'is not an IP address or network'],
    [{ blacklist: ['::1'], response_code: 500 }, '/routes/0/plugins/ip-restriction/response_code'],
    [{ blacklist: ['::1'], message: '' }, '/routes/0/plugins/ip-restriction/message'],
    [{ blacklist: ['::1'], message: 'x'.repeat(1025) }, '/routes/0/plugins/ip-restriction/message'],
  ])('refuses %j', async (config, message) => {
    await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(message)
  })

  it('one list may hold thousands of networks', async () => {
    const blacklist = Array.from({ length: 5_000 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24`)
    await gateway.update({ routes: [route('/many', { blacklist })] })
    expect(await statusFor('/many', '10.19.135.9')).toBe(403)
    expect(await statusFor('/many', '10.19.136.9')).toBe(200)
    await gateway.update(document)
  })
})
