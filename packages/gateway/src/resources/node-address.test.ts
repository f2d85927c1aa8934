import { expect, test } from 'vitest'
import { hostProblem, parseNodeAddress } from './node-address.ts'

test.each([
  ['a.com', { host: 'a.com', port: undefined }],
  ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
  ['[::1]', { host: '::1', port: undefined }],
  ['[2001:db8::1]:65535', { host: '2001:db8::1', port: 65535 }],
])('%s', (text, address) => {
  expect(parseNodeAddress(text)).toEqual(address)
})

test.each([
  ['', 'the host is missing'],
  [':80', 'the host is missing'],
  ['a b:80', '"a b" is not a host name or address'],
  ['a:', 'invalid port "": a port is a number from 1 to 65535'],
  ['a:0', 'invalid port "0": a port is a number from 1 to 65535'],
  ['a:65536', 'invalid port "65536": a port is a number from 1 to 65535'],
  ['::1', "an IPv6 address must be enclosed in '[' and ']'"],
  ['[::1', 'the "[" of an IPv6 address has no "]"'],
  ['[a.com]:80', '"a.com" is not an IPv6 address'],
  ['[::1]x', 'only ":PORT" may follow "]"'],
])('%j: %s', (text, reason) => {
  expect(parseNodeAddress(text)).toBe(reason)
})

test('the host of a node has no port', () => {
  expect(hostProblem('a.com')).toBeUndefined()
  expect(hostProblem('a.com:80')).toBe('the port has a field of its own: "port"')
})
