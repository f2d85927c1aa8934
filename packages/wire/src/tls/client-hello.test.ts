import { describe, expect, it } from 'vitest'
import {
  alpn,
  extension,
  hello,
  helloBody,
  records,
  serverName,
  uint,
  vector,
  versions,
} from '../testing/client-hello-bytes.ts'
import { MAX_CLIENT_HELLO_BYTES, parseClientHello } from './client-hello.ts'

describe('a ClientHello', () => {
  it('says name, protocols and versions', () => {
    expect(parseClientHello(hello(versions(0x0304, 0x0303), serverName('a.test'), alpn('h2', 'http/1.1')))).toEqual({
      serverName: 'a.test',
      alpn: ['h2', 'http/1.1'],
      versions: [0x0304, 0x0303],
    })
  })

  it('says less without extensions', () => {
    const nothing = { serverName: '', alpn: [], versions: [0x0303] }
    expect(parseClientHello(hello())).toEqual(nothing)
    expect(parseClientHello(records(helloBody(undefined)))).toEqual(nothing)
  })

  it.each([
    ['A.Test', 'a.test'],
    ['a.test.', 'a.test'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['a_b.test', 'a_b.test'],
    ['127.0.0.1', '127.0.0.1'],
    ['x'.repeat(255), 'x'.repeat(255)],
  ])('with the name %s wants %s', (sent, wanted) => {
    expect(parseClientHello(hello(serverName(sent)))).toMatchObject({ serverName: wanted })
  })

  it.each(['', '.', 'a b', 'a\0.test', 'a\r\nb', 'bücher.example', '*.test', 'a/b', 'x'.repeat(256)])(
    'with the name %j is refused',
    (name) => {
      expect(parseClientHello(hello(serverName(name)))).toBe('MALFORMED')
    },
  )

  it('may span several records and reads', () => {
    const body = helloBody([serverName('a.test'), extension(21, Buffer.alloc(500))])
    for (const size of [1, 3, 4, 5, 100]) {
      const bytes = records(body, size)
      expect(parseClientHello(bytes)).toMatchObject({ serverName: 'a.test' })
      for (let length = 0; length < bytes.length; length++) {
        expect(parseClientHello(bytes.subarray(0, length))).toBe('INCOMPLETE')
      }
    }
  })

  it('may be followed by more', () => {
    expect(parseClientHello(Buffer.concat([hello(serverName('a.test')), Buffer.alloc(9_000)]))).toMatchObject({
      serverName: 'a.test',
    })
  })
})

describe('what is no TLS', () => {
  it.each([
    ['plain HTTP', 'GET / HTTP/1.1\r\n'],
    ['one letter', 'G'],
    ['SSL 2', '\x80\x2e\x01\x03\x01'],
    ['an alert', '\x15\x03\x01\x00\x02\x02\x28'],
    ['a handshake of another protocol', '\x16\xfe\xff'],
  ])('%s', (_, text) => {
    expect(parseClientHello(Buffer.from(text, 'latin1'))).toBe('NOT_TLS')
  })
})

describe('what is malformed', () => {
  const name = serverName('a.test')
  it.each<[string, Buffer]>([
    ['another message', records(helloBody([name]), 16_384, 2)],
    ['an empty record', Buffer.concat([Buffer.from([22, 3, 1, 0, 0]), hello(name)])],
    [
      'another record within the message',
      Buffer.concat([records(helloBody([name]), 50).subarray(0, 55), Buffer.from([23, 3, 3, 0, 1, 0])]),
    ],
    ['bytes behind the extensions', records(helloBody([name], Buffer.alloc(1)))],
    ['an extension twice', hello(name, alpn('h2'), serverName('b.test'))],
    ['an unknown extension twice', hello(extension(21, Buffer.alloc(1)), extension(21, Buffer.alloc(1)))],
    ['an extension that is cut', hello(name, Buffer.from([0]))],
    ['an extension longer than all', hello(Buffer.from([0, 21, 0, 9]))],
    [
      'two names',
      hello(extension(0, vector(2, uint(0, 1), vector(2, Buffer.from('a')), uint(0, 1), vector(2, Buffer.from('b'))))),
    ],
    ['a name of another type', hello(extension(0, vector(2, uint(1, 1), vector(2, Buffer.from('a')))))],
    ['an empty list of names', hello(extension(0, vector(2)))],
    ['an empty server_name', hello(extension(0, Buffer.alloc(0)))],
    [
      'bytes behind the names',
      hello(extension(0, Buffer.concat([vector(2, uint(0, 1), vector(2, Buffer.from('a'))), uint(0, 1)]))),
    ],
    ['no protocols', hello(alpn())],
    ['an empty protocol', hello(alpn('h2', ''))],
    ['half a protocol', hello(extension(16, vector(2, Buffer.from([5, 65]))))],
    ['no versions', hello(versions())],
    ['half a version', hello(extension(43, vector(1, Buffer.alloc(3))))],
    ['no cipher suites', records(Buffer.concat([uint(0x0303, 2), Buffer.alloc(33), vector(2), vector(1, uint(0, 1))]))],
    ['no compression', records(Buffer.concat([uint(0x0303, 2), Buffer.alloc(33), vector(2, uint(1, 2)), vector(1)]))],
    ['the end within the random', records(Buffer.alloc(20))],
    ['nothing', records(Buffer.alloc(0))],
  ])('%s', (_, bytes) => {
    expect(parseClientHello(bytes)).toBe('MALFORMED')
  })
})

describe('what is too large', () => {
  it('is refused by the length that it announces', () => {
    expect(parseClientHello(Buffer.from([22, 3, 1, 0x40, 0, 1, 1, 0, 0]))).toBe('TOO_LARGE')
    const body = helloBody([extension(21, Buffer.alloc(MAX_CLIENT_HELLO_BYTES))])
    expect(parseClientHello(records(body).subarray(0, 100))).toBe('TOO_LARGE')
  })

  it('is refused in small records too', () => {
    const body = helloBody([extension(21, Buffer.alloc(10_000))])
    expect(parseClientHello(records(body, 1_000))).toMatchObject({ serverName: '' })
    const bytes = records(body, 2)
    expect(parseClientHello(bytes.subarray(0, MAX_CLIENT_HELLO_BYTES - 10))).toBe('INCOMPLETE')
    expect(parseClientHello(bytes.subarray(0, MAX_CLIENT_HELLO_BYTES + 10))).toBe('TOO_LARGE')
  })
})
