import { describe, expect, it } from 'vitest'
import { parseAddress, parseHost } from './address.ts'

describe('an address in one text', () => {
  it.each([
    ['1.1.1.1:443', '1.1.1.1', 443],
    ['my_service-1.local:65535', 'my_service-1.local', 65_535],
    ['localhost', 'localhost', 0],
    ['[::1]:8080', '::1', 8080],
    ['[2001:db8::1]', '2001:db8::1', 0],
    ['[fe80::1%eth0]:1', 'fe80::1%eth0', 1],
    ['unix:/run/app:1.sock', '/run/app:1.sock', 0],
  ])('%s', (text, host, port) => {
    expect(parseAddress(text, [])).toEqual({ address: text, host, port })
  })

  it.each([
    ['1.1.1.1:99999', 'nodes/0: invalid port 99999: a port is a whole number from 1 to 65535'],
    ['1.1.1.1:0', 'nodes/0: invalid port 0: a port is a whole number from 1 to 65535'],
    ['1.1.1.1:', 'nodes/0: invalid port : a port is a whole number from 1 to 65535'],
    ['1.1.1.1:+80', 'nodes/0: invalid port +80: a port is a whole number from 1 to 65535'],
    ['::1', `nodes/0: IPv6 address must be enclosed with '[' and ']': "::1"`],
    ['2001:db8::1:80', `nodes/0: IPv6 address must be enclosed with '[' and ']': "2001:db8::1:80"`],
    ['[::1', 'nodes/0: invalid IPv6 address "[::1"'],
    ['[::g]:80', 'nodes/0: invalid IPv6 address "[::g]"'],
    ['[::1]80', 'nodes/0: invalid IPv6 address "[::1]80"'],
    [
      'http://10.0.0.1:80',
      'nodes/0: invalid address "http://10.0.0.1:80": a node is host:port, without a scheme or a path',
    ],
    [':80', 'nodes/0: invalid host ""'],
    ['a b:80', 'nodes/0: invalid host "a b"'],
    ['a.example/path:80', 'nodes/0: invalid host "a.example/path"'],
    [
      'unix:run.sock',
      'nodes/0: invalid unix socket "unix:run.sock": after "unix:" comes an absolute path of at most 107 bytes',
    ],
  ])('refuses %s', (text, message) => {
    expect(() => parseAddress(text, ['0'])).toThrow(message)
  })

  it('refuses names and paths that are too long', () => {
    expect(parseAddress('a'.repeat(253), []).host).toHaveLength(253)
    expect(() => parseAddress('a'.repeat(254), [])).toThrow('invalid host')
    expect(parseAddress(`unix:/${'a'.repeat(106)}`, []).host).toHaveLength(107)
    expect(() => parseAddress(`unix:/${'a'.repeat(107)}`, [])).toThrow('at most 107 bytes')
  })
})

describe('host and port written apart', () => {
  it('puts the address together', () => {
    expect(parseHost('10.0.0.1', 80, [])).toEqual({ address: '10.0.0.1:80', host: '10.0.0.1', port: 80 })
    expect(parseHost('10.0.0.1', undefined, [])).toEqual({ address: '10.0.0.1', host: '10.0.0.1', port: 0 })
    expect(parseHost('[::1]', 80, [])).toEqual({ address: '[::1]:80', host: '::1', port: 80 })
    expect(parseHost('unix:/a', undefined, [])).toEqual({ address: 'unix:/a', host: '/a', port: 0 })
  })

  it.each([
    ['::1', 80, `nodes/3/host: IPv6 address must be enclosed with '[' and ']': "::1"`],
    ['a:80', undefined, 'nodes/3/host: invalid host "a:80": the port goes into "port"'],
    ['a', 0, 'nodes/3/port: invalid port 0: a port is a whole number from 1 to 65535'],
    ['a', 1.5, 'nodes/3/port: invalid port 1.5: a port is a whole number from 1 to 65535'],
    ['unix:/a', 80, 'nodes/3/port: a unix socket has no port'],
  ])('refuses %s and %s', (host, port, message) => {
    expect(() => parseHost(host, port, ['3'])).toThrow(message)
  })
})
