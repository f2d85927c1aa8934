import { DEFAULT_H1_LIMITS, parseRequestHead, RequestHead } from '@sekisho/wire'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RequestContext } from '../request-context.ts'
import { withDefaults } from '../resources/defaults.ts'
import type { GatewaySession } from '../session.ts'
import type { EchoedRequest } from '../testing/echo-upstream.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import type { PluginContext } from './context.ts'
import realIp from './real-ip.ts'

type Config = Parameters<typeof realIp.create>[0]

/** What the client's address is after the plugin, for a request of those header lines from 10.0.0.1. */
function addressFor(config: object, lines: readonly string[], target = '/', peer = '10.0.0.1'): string {
  const text = [`GET ${target} HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n')
  const request = parseRequestHead(text, 0, text.length, DEFAULT_H1_LIMITS)
  if (!(request instanceof RequestHead)) throw new Error('the test made a bad request')
  const session = { request, remoteAddress: peer } as unknown as GatewaySession
  const ctx = new RequestContext(session)
  const hooks = realIp.create(withDefaults(realIp.schema, config) as Config, {} as PluginContext<never, never>)
  void hooks.rewrite?.({ ...session, ctx })
  return ctx.remoteAddr
}

const XFF = { source: 'http_x_forwarded_for' }
const CHAIN = { ...XFF, trusted_addresses: ['10.0.0.0/8', '2001:db8::/32'], recursive: true }

describe('real-ip', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['1.2.3.4:80', '1.2.3.4'],
    ['1.2.3.4:65535', '1.2.3.4'],
    [' 1.2.3.4 ', '1.2.3.4'],
    ['2001:DB8:0:0:0::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['1:0:2:0:0:3:0:0', '1:0:2::3:0:0'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['0:0:1::', '0:0:1::'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['[::ffff:1.2.3.4]:80', '1.2.3.4'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ])('takes %s as %s', (value, expected) => {
    expect(addressFor({ source: 'http_x_real_ip' }, [`X-Real-IP: ${value}`])).toBe(expected)
  })

  it.each([
    '',
    'unknown',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4:0',
    '1.2.3.4:65536',
    '1.2.3.4:999999',
    '1.2.3.4:',
    '1.2.3.4:http',
    '1.2.3.4, 5.6.7.8',
    '[1.2.3.4',
    '[1.2.3.4]',
    '[1.2.3.4]:80',
    '1.2.3.4:80:80',
    '[::1',
    '::1]',
    '[::1]80',
    '[::1]:0',
    '[]',
    ':::',
    'fe80::1%eth0',
    '[fe80::1%25x]',
    '1.2.3.4%x',
    '1.2.3.4\tx',
    '<script>',
    '9'.repeat(4_000),
    '[' + ':'.repeat(4_000) + ']',
  ])('leaves the address for %s', (value) => {
    expect(addressFor({ source: 'http_x_real_ip' }, [`X-Real-IP: ${value}`])).toBe('10.0.0.1')
  })

  it('leaves the address when the source is missing', () => {
    expect(addressFor({ source: 'http_x_real_ip' }, [])).toBe('10.0.0.1')
    expect(addressFor(XFF, [])).toBe('10.0.0.1')
    expect(addressFor({ source: 'arg_realip' }, [], '/?other=1')).toBe('10.0.0.1')
  })

  it('reads arguments, cookies and other variables', () => {
    expect(addressFor({ source: 'arg_realip' }, [], '/?realip=1.2.3.4:80')).toBe('1.2.3.4')
    expect(addressFor({ source: 'arg_realip' }, [], '/?realip=%5B::2%5D')).toBe('::2')
    expect(addressFor({ source: 'arg_realip' }, [], '/?realip=1.2.3.4%0d%0aX:y')).toBe('10.0.0.1')
    expect(addressFor({ source: 'cookie_client' }, ['Cookie: a=b; client=1.2.3.4'])).toBe('1.2.3.4')
    expect(addressFor({ source: 'server_port' }, [])).toBe('10.0.0.1')
  })

  describe('X-Forwarded-For', () => {
    it('the last address counts, over all its fields', () => {
      expect(addressFor(XFF, ['X-Forwarded-For: 1.1.1.1, 2.2.2.2'])).toBe('2.2.2.2')
      expect(addressFor(XFF, ['X-Forwarded-For: 1.1.1.1,2.2.2.2:80'])).toBe('2.2.2.2')
      expect(addressFor(XFF, ['X-Forwarded-For: 1.1.1.1', 'X-Forwarded-For: 2.2.2.2'])).toBe('2.2.2.2')
      expect(addressFor(XFF, ['X-Forwarded-For: ::1, ::2'])).toBe('::2')
    })

    it('a last entry that is no address changes nothing', () => {
      expect(addressFor(XFF, ['X-Forwarded-For: 1.1.1.1, unknown'])).toBe('10.0.0.1')
      expect(addressFor(XFF, ['X-Forwarded-For: 1.1.1.1,'])).toBe('10.0.0.1')
      expect(addressFor(XFF, ['X-Forwarded-For: ,'])).toBe('10.0.0.1')
    })

    it('recursive goes back to the last one that is not trusted', () => {
      expect(addressFor(CHAIN, ['X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.0.0.3, 10.0.0.2'])).toBe('1.1.1.1')
      expect(addressFor(CHAIN, ['X-Forwarded-For: 1.1.1.1', 'X-Forwarded-For: 10.0.0.2:99'])).toBe('1.1.1.1')
      expect(addressFor(CHAIN, ['X-Forwarded-For: 1.1.1.1, [2001:db8::5]:9, ::ffff:10.0.0.2'])).toBe('1.1.1.1')
    })

    it('recursive takes the first when all are trusted', () => {
      expect(addressFor(CHAIN, ['X-Forwarded-For: 10.9.9.9, 10.0.0.3, 10.0.0.2'])).toBe('10.9.9.9')
      expect(addressFor(CHAIN, ['X-Forwarded-For: 10.9.9.9'])).toBe('10.9.9.9')
    })

    it('recursive does not look past an entry that is no address', () => {
      expect(addressFor(CHAIN, ['X-Forwarded-For: 1.1.1.1, unknown, 10.0.0.2'])).toBe('10.0.0.1')
      expect(addressFor(CHAIN, ['X-Forwarded-For: , 10.0.0.2'])).toBe('10.0.0.1')
    })

    it('recursive without trusted addresses is as if it were not there', () => {
      expect(addressFor({ ...XFF, recursive: true }, ['X-Forwarded-For: 1.1.1.1, 10.0.0.2'])).toBe('10.0.0.2')
    })

    it('a list of thousands of entries is walked once', () => {
      const list = Array(500).fill('10.0.0.2').join(',')
      expect(addressFor(CHAIN, [`X-Forwarded-For: 1.1.1.1,${list}`])).toBe('1.1.1.1')
    })
  })

  it('believes trusted addresses only', () => {
    const config = { ...XFF, trusted_addresses: ['10.0.0.0/8', '::1'] }
    expect(addressFor(config, ['X-Forwarded-For: 1.1.1.1'], '/', '11.0.0.1')).toBe('11.0.0.1')
    expect(addressFor(config, ['X-Forwarded-For: 1.1.1.1'], '/', '10.1.2.3')).toBe('1.1.1.1')
    expect(addressFor(config, ['X-Forwarded-For: 1.1.1.1'], '/', '::1')).toBe('1.1.1.1')
    expect(addressFor(config, ['X-Forwarded-For: 1.1.1.1'], '/', '')).toBe('')
  })
})

describe('real-ip over sockets', () => {
  const route = (uri: string, config: object): object => ({ uri, upstream_id: 'echo', plugins: { 'real-ip': config } })
  const document = {
    routes: [
      route('/any', XFF),
      route('/trusting', { ...XFF, trusted_addresses: ['127.0.0.0/8'], recursive: true }),
      route('/distrusting', { ...XFF, trusted_addresses: ['10.0.0.0/8'] }),
      route('/arg', { source: 'arg_realip' }),
    ],
  }
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway(document)
  })
  afterAll(() => gateway.close())

  const seenFor = async (path: string, forwarded?: string | string[]): Promise<unknown> => {
    const answer = await gateway.fetch(path, {
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    })
    expect(answer.status).toBe(200)
    return (answer.json() as EchoedRequest).headers['x-real-ip']
  }

  it('the upstream is told the address', async () => {
    expect(await seenFor('/any')).toBe('127.0.0.1')
    expect(await seenFor('/any', '1.1.1.1, 2001:DB8::0:5')).toBe('2001:db8::5')
    expect(await seenFor('/any', ['1.1.1.1', '2.2.2.2'])).toBe('2.2.2.2')
    expect(await seenFor('/trusting', '1.1.1.1, 127.0.0.2')).toBe('1.1.1.1')
    expect(await seenFor('/distrusting', '1.1.1.1')).toBe('127.0.0.1')
  })

  it('what a client makes up gets into no header', async () => {
    expect(await seenFor('/arg?realip=1.1.1.1%0D%0AX-Evil:%201')).toBe('127.0.0.1')
    expect(await seenFor('/arg?realip=fe80::1%25%0D%0AX-Evil:1')).toBe('127.0.0.1')
    expect(await seenFor('/arg?realip=%5Bfe80::1%25eth0%5D:80')).toBe('127.0.0.1')
    expect(await seenFor('/arg?realip=1.1.1.1%0A')).toBe('1.1.1.1')
  })

  it.each([
    [{}, '"source" is missing'],
    [{ source: '' }, '/routes/0/plugins/real-ip/source'],
    [{ source: 'X-Forwarded-For' }, 'is not a variable'],
    [{ source: 'http_xff', trusted_addresses: [] }, '/routes/0/plugins/real-ip/trusted_addresses'],
    [{ source: 'http_xff', trusted_addresses: ['127.0.0.1/33'] }, '/routes/0/plugins/real-ip/trusted_addresses/0'],
    [{ source: 'http_xff', trusted_addresses: ['::1', '::1/129'] }, '/routes/0/plugins/real-ip/trusted_addresses/1'],
    [{ source: 'http_xff', recursive: 'true' }, '/routes/0/plugins/real-ip/recursive'],
    [{ source: 'http_xff', trusted: [] }, '/routes/0/plugins/real-ip/trusted'],
  ])('refuses %j', async (config, message) => {
    await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(message)
  })
})
