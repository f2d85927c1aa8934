import { describe, expect, it } from 'vitest'
import { MAX_SOCKET_PATH_BYTES, parseListenAddress } from './listen-address.ts'
import type { ListenInput } from './listen-address.ts'

describe('what an address may look like', () => {
  const keys: [ListenInput, string][] = [
    [8080, '*:8080'],
    [0, '*:0'],
    ['8080', '*:8080'],
    ['*:8080', '*:8080'],
    [':8080', '*:8080'],
    [' 127.0.0.1:6188 ', '127.0.0.1:6188'],
    ['0.0.0.0:65535', '0.0.0.0:65535'],
    ['LOCALHOST:80', 'localhost:80'],
    ['my-host_1.example:80', 'my-host_1.example:80'],
    ['[::1]:80', '[::1]:80'],
    ['[2001:DB8::1]:443', '[2001:db8::1]:443'],
    ['unix:/run/a.sock', 'unix:/run/a.sock'],
    ['unix:/run/../run/a.sock', 'unix:/run/a.sock'],
    [{ address: '127.0.0.1:1', options: {} }, '127.0.0.1:1'],
    [{ address: 8080 }, '*:8080'],
    [{ host: '::1', port: 80 }, '[::1]:80'],
    [{ host: '[::1]', port: 80 }, '[::1]:80'],
    [{ path: '/run/a.sock' }, 'unix:/run/a.sock'],
  ]
  for (const [input, key] of keys) {
    it(`${JSON.stringify(input)} is ${key}`, () => expect(parseListenAddress(input).key).toBe(key))
  }

  it('tells apart every address, one host and a path', () => {
    expect(parseListenAddress(1)).toEqual({ kind: 'every', key: '*:1', port: 1 })
    expect(parseListenAddress('[::]:1')).toEqual({ kind: 'host', key: '[::]:1', host: '::', port: 1 })
    expect(parseListenAddress('unix:/a')).toEqual({ kind: 'path', key: 'unix:/a', path: '/a' })
  })
})

describe('what is refused', () => {
  const problems: [ListenInput, RegExp][] = [
    [65_536, /"65536": the port must be a number from 0 to 65535/],
    [-1, /the port must be/],
    [1.5, /the port must be/],
    ['127.0.0.1:99999', /the port must be/],
    ['127.0.0.1:http', /the port must be/],
    ['127.0.0.1:', /the port must be/],
    ['127.0.0.1', /a port is missing: write "127.0.0.1:8080"/],
    ['', /a port is missing/],
    ['::1:8080', /an IPv6 address must be enclosed with '\[' and '\]'/],
    ['[::1]', /an IPv6 address must be enclosed/],
    ['[localhost]:80', /must be an IPv6 address/],
    ['127.0.0.256:80', /neither an IP address nor a host name/],
    ['a b:80', /neither an IP address nor a host name/],
    ['-a:80', /neither an IP address nor a host name/],
    ['unix:', /the path of the socket is missing/],
    [`unix:/${'x'.repeat(MAX_SOCKET_PATH_BYTES)}`, /the path has 108 bytes, and a socket's at most 107/],
  ]
  for (const [input, message] of problems) {
    it(`${JSON.stringify(input).slice(0, 40)}`, () => expect(() => parseListenAddress(input)).toThrow(message))
  }
})
