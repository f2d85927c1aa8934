import { expect, test } from 'vitest'
import { parseListenAddress } from './listen.ts'

test.each([
  [8080, { host: undefined, port: 8080 }],
  ['8080', { host: undefined, port: 8080 }],
  [':8080', { host: undefined, port: 8080 }],
  ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
  ['[::1]:443', { host: '::1', port: 443 }],
  ['localhost:80', { host: 'localhost', port: 80 }],
  ['unix:/run/a.sock', { host: undefined, port: 0, path: '/run/a.sock' }],
])('%j', (written, address) => {
  expect(parseListenAddress(written)).toEqual({ path: undefined, ...address })
})

test.each(['', 'localhost', '::1:80', '127.0.0.1:70000', '99999', 'unix:', '[::1'])('%j is none', (written) => {
  expect(parseListenAddress(written)).toEqual(expect.any(String))
})
