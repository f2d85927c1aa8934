import { describe, expect, it } from 'vitest'
import { DEFAULT_H1_LIMITS, type H1Limits } from '../limits.ts'
import { CHUNKED, isAuthority, parseRequestHead, RequestHead } from './request-head.ts'
import { Refusal } from '../streams/refusal.ts'

const parse = (text: string, limits: Partial<H1Limits> = {}): RequestHead | Refusal =>
  parseRequestHead(text, 0, text.length, { ...DEFAULT_H1_LIMITS, ...limits })

function accepted(text: string): RequestHead {
  const head = parse(text)
  if (head instanceof Refusal) throw new Error(head.code)
  return head
}

const refused = (text: string, limits: Partial<H1Limits> = {}): string => {
  const head = parse(text, limits)
  return head instanceof Refusal ? head.code : 'accepted'
}

const line = (requestLine: string, ...fields: string[]): string =>
  `${requestLine}\r\n${['Host: a', ...fields].map((one) => `${one}\r\n`).join('')}\r\n`
const fields = (...lines: string[]): string => line('GET / HTTP/1.1', ...lines)

describe('a usual head', () => {
  it('has its parts', () => {
    const text = 'POST /a/b?c=d?e HTTP/1.1\r\nHost: example.com:8080\r\nX-A:1\r\nContent-Length: 12\r\n\r\n'
    expect(accepted(text)).toMatchObject({
      method: 'POST',
      target: '/a/b?c=d?e',
      path: '/a/b',
      query: 'c=d?e',
      host: 'example.com:8080',
      minorVersion: 1,
      bodyLength: 12,
      keepAlive: true,
      upgrade: false,
      expectContinue: false,
      hopByHop: false,
      byteLength: text.length,
    })
    expect(accepted(text).headers.block).toBe('Host: example.com:8080\r\nX-A:1\r\nContent-Length: 12\r\n')
  })

  it('may stand anywhere in the text', () => {
    const text = `\r\n${fields()}GET /next`
    const head = parseRequestHead(text, 2, text.length - 9, DEFAULT_H1_LIMITS)
    expect(head).toMatchObject({ method: 'GET', target: '/', byteLength: fields().length })
  })

  it('keeps case, order, duplicates and white space of its fields', () => {
    const block = 'Host: a\r\nb:  1 \r\nB:2\r\nA:\t3\r\nobs: \xe9\xff\r\n'
    expect(accepted(`GET / HTTP/1.1\r\n${block}\r\n`).headers.block).toBe(block)
  })

  it('can be copied to edit', () => {
    const head = accepted(fields('X: 1'))
    const copy = head.copy()
    copy.headers.set('X', '2')
    copy.target = '/other'
    expect([head.target, head.headers.get('x')]).toEqual(['/', '1'])
    expect({ ...copy, headers: undefined, target: '/' }).toEqual({ ...head, headers: undefined })
  })
})

describe('the request line', () => {
  it.each(['GET', 'POST', 'HEAD', 'PROPFIND', 'M-SEARCH', 'get', "!#$%&'*+-.^_`|~09", 'X'.repeat(32)])(
    '%s is a method',
    (method) => {
      expect(accepted(line(`${method} / HTTP/1.1`)).method).toBe(method)
    },
  )

  it.each([
    ['GET  / HTTP/1.1', 'REQUEST_LINE'],
    ['GET /  HTTP/1.1', 'REQUEST_LINE'],
    ['GET / HTTP/1.1 ', 'REQUEST_LINE'],
    ['GET\t/ HTTP/1.1', 'METHOD'],
    ['GET /\tHTTP/1.1', 'TARGET'],
    [' GET / HTTP/1.1', 'REQUEST_LINE'],
    ['GET / http/1.1', 'REQUEST_LINE'],
    ['GET / HTTP/1.1x', 'REQUEST_LINE'],
    ['GET / HTTP/11', 'REQUEST_LINE'],
    ['GET / HTTP/1.10', 'REQUEST_LINE'],
    ['GET / HTTP/1.2', 'VERSION'],
    ['GET / HTTP/0.9', 'VERSION'],
    ['GET / HTTP/3.0', 'VERSION'],
    ['PRI * HTTP/2.0', 'VERSION'],
    ['GET / HTTP/1.:', 'REQUEST_LINE'],
    ['GET /', 'REQUEST_LINE'],
    ['GET', 'REQUEST_LINE'],
    ['', 'REQUEST_LINE'],
    ['/ HTTP/1.1', 'REQUEST_LINE'],
    ['GÉT / HTTP/1.1', 'METHOD'],
    [`${'X'.repeat(33)} / HTTP/1.1`, 'METHOD'],
    ['GET /a b HTTP/1.1', 'REQUEST_LINE'],
    ['GET /\x7f HTTP/1.1', 'TARGET'],
    ['GET /\0 HTTP/1.1', 'TARGET'],
    ['GET /é HTTP/1.1', 'TARGET'],
    ['GET /#a HTTP/1.1', 'TARGET'],
    ['GET /"a" HTTP/1.1', 'TARGET'],
    ['GET /\\a HTTP/1.1', 'TARGET'],
    ['GET http://a/\\b HTTP/1.1', 'TARGET'],
  ])('%j is %s', (requestLine, code) => {
    expect(refused(line(requestLine))).toBe(code)
  })

  it.each(['/?a=\\', "/{}|^`[]@!$&'()*+,;=:~%zz", '//', '/../..', '/?', '/%00'])(
    '%s is a target, untouched',
    (target) => {
      expect(accepted(line(`GET ${target} HTTP/1.1`)).target).toBe(target)
    },
  )

  it('has a limit for the target', () => {
    expect(refused(line('GET /123456789 HTTP/1.1'), { maxTargetLength: 10 })).toBe('accepted')
    expect(refused(line('GET /1234567890 HTTP/1.1'), { maxTargetLength: 10 })).toBe('TARGET_TOO_LONG')
  })
})

describe('the forms of a target', () => {
  it.each([
    ['GET http://b/c?d HTTP/1.1', '/c?d', 'b'],
    ['GET HTTPS://b:443/ HTTP/1.1', '/', 'b:443'],
    ['GET http://b HTTP/1.1', '/', 'b'],
    ['GET http://b?c HTTP/1.1', '/?c', 'b'],
    ['GET http://[::1]:80/ HTTP/1.1', '/', '[::1]:80'],
    ['GET http://b//c HTTP/1.1', '//c', 'b'],
    ['OPTIONS http://b HTTP/1.1', '/', 'b'],
  ])('absolute: %s; its authority replaces Host', (requestLine, target, host) => {
    const head = accepted(line(requestLine, 'X: 1'))
    expect(head).toMatchObject({ target, host })
    expect(head.headers.getAll('host')).toEqual([host])
  })

  it('asterisk: only OPTIONS', () => {
    expect(accepted(line('OPTIONS * HTTP/1.1'))).toMatchObject({ target: '*', host: 'a' })
    expect(refused(line('GET * HTTP/1.1'))).toBe('TARGET_FORM')
    expect(refused(line('OPTIONS ** HTTP/1.1'))).toBe('TARGET_FORM')
  })

  it.each([
    'GET a HTTP/1.1',
    'GET a:80 HTTP/1.1',
    'GET ?a HTTP/1.1',
    'GET http:/b HTTP/1.1',
    'GET http:///b HTTP/1.1',
    'GET http://u@b/ HTTP/1.1',
    'GET http://b:1:2/ HTTP/1.1',
    'GET ftp://b/ HTTP/1.1',
    'GET http:\\\\b HTTP/1.1',
    'GET ws://b/ HTTP/1.1',
    'GET http://b\\@c/ HTTP/1.1',
  ])('%s is none', (requestLine) => {
    expect(refused(line(requestLine))).toBe('TARGET_FORM')
  })

  it.each(['a:443', '/a', '*', 'http://a/'])('CONNECT is refused whatever its target: %s', (target) => {
    expect(refused(line(`CONNECT ${target} HTTP/1.1`))).toBe('CONNECT')
  })
})

describe('Host', () => {
  it.each(['a', 'a.b-c.example', 'a:80', 'a:', '127.0.0.1:65535', '[::1]', '[2001:db8::1]:8080', 'a_b', 'xn--a', 'a.'])(
    '%s is one',
    (host) => {
      expect(accepted(`GET / HTTP/1.1\r\nHost: ${host} \r\n\r\n`).host).toBe(host)
      expect(isAuthority(host)).toBe(true)
    },
  )

  it.each([
    '',
    'a b',
    'a/b',
    'a:80:90',
    'a:x',
    'a:123456',
    ':80',
    'u@a',
    '[::1',
    '::1',
    '[a]b',
    '[::1]x',
    'a,b c',
    'é',
    'a?b',
    'a#',
    'a\\b',
    'x'.repeat(262),
  ])('%j is none', (host) => {
    expect(refused(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).toBe('HOST')
    expect(isAuthority(host)).toBe(false)
  })

  it('stands there once in HTTP/1.1, also behind an absolute target', () => {
    expect(refused('GET / HTTP/1.1\r\n\r\n')).toBe('HOST_MISSING')
    expect(refused('GET http://a/ HTTP/1.1\r\n\r\n')).toBe('HOST_MISSING')
    expect(refused(fields('host: a'))).toBe('HOST_REPEATED')
    expect(refused('GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n')).toBe('HOST')
  })
})

describe('HTTP/1.0', () => {
  it('needs no Host, but none that is wrong', () => {
    expect(accepted('GET / HTTP/1.0\r\n\r\n')).toMatchObject({ host: '', minorVersion: 0, keepAlive: false })
    expect(refused('GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n')).toBe('HOST_REPEATED')
    expect(accepted('GET http://b/ HTTP/1.0\r\n\r\n').headers.get('host')).toBe('b')
  })

  it('stays open only when it asks to', () => {
    const keepAlive = (...lines: string[]): boolean => accepted(line('GET / HTTP/1.0', ...lines)).keepAlive
    expect([
      keepAlive('Connection: keep-alive'),
      keepAlive('Connection: Keep-Alive, x'),
      keepAlive('Connection: x'),
    ]).toEqual([true, true, false])
    expect(keepAlive('Connection: keep-alive', 'Connection: close')).toBe(false)
  })

  it('has no chunks, no expectations and no upgrades', () => {
    expect(refused(line('POST / HTTP/1.0', 'Transfer-Encoding: chunked'))).toBe('ENCODING_IN_HTTP_10')
    const head = accepted(line('GET / HTTP/1.0', 'Expect: 100-continue', 'Connection: upgrade', 'Upgrade: a'))
    expect(head).toMatchObject({ expectContinue: false, upgrade: false, hopByHop: true })
  })
})

describe('framing', () => {
  it.each([
    ['Content-Length: 0', 0],
    ['content-length:\t007 ', 7],
    ['CONTENT-LENGTH: 999999999999999', 999_999_999_999_999],
    ['Transfer-Encoding: chunked', CHUNKED],
    ['transfer-encoding: \t CHUNKED\t', CHUNKED],
    ['X: 1', 0],
  ])('%s is %i', (field, length) => {
    expect(accepted(fields(field)).bodyLength).toBe(length)
  })

  it.each(['', '-1', '+1', '1 1', '1,1', '0x1', '1e3', '1.0', '١', '1_0', '1;', '"1"', '1000000000000000', '1\xa0'])(
    'Content-Length: %j is refused',
    (value) => {
      expect(refused(fields(`Content-Length: ${Buffer.from(value).toString('latin1')}`))).toBe('CONTENT_LENGTH')
    },
  )

  it.each([
    ['', 'TRANSFER_ENCODING'],
    ['identity', 'TRANSFER_ENCODING'],
    ['chunked, gzip', 'TRANSFER_ENCODING'],
    ['chunked,', 'TRANSFER_ENCODING'],
    ['"chunked"', 'TRANSFER_ENCODING'],
    ['chunked;q=1', 'TRANSFER_ENCODING'],
    ['xchunked', 'TRANSFER_ENCODING'],
    ['chunked\xa0', 'TRANSFER_ENCODING'],
    ['chunked, chunked', 'TRANSFER_ENCODING'],
    ['chunked, gzip, chunked', 'TRANSFER_ENCODING'],
    [', chunked', 'TRANSFER_ENCODING_UNKNOWN'],
    ['gzip, chunked', 'TRANSFER_ENCODING_UNKNOWN'],
    ['identity,chunked', 'TRANSFER_ENCODING_UNKNOWN'],
  ])('Transfer-Encoding: %j is %s', (value, code) => {
    expect(refused(fields(`Transfer-Encoding: ${value}`))).toBe(code)
  })

  it.each([
    [['Content-Length: 1', 'Content-Length: 1'], 'CONTENT_LENGTH_REPEATED'],
    [['Content-Length: 0', 'content-length: 0'], 'CONTENT_LENGTH_REPEATED'],
    [['Transfer-Encoding: chunked', 'transfer-encoding: chunked'], 'TRANSFER_ENCODING'],
    [['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], 'TRANSFER_ENCODING'],
    [['Content-Length: 0', 'Transfer-Encoding: chunked'], 'LENGTH_AND_ENCODING'],
    [['Transfer-Encoding: chunked', 'Content-Length: 5'], 'LENGTH_AND_ENCODING'],
  ])('%j is %s', (lines, code) => {
    expect(refused(fields(...lines))).toBe(code)
  })

  it('has a limit for the body', () => {
    expect(refused(fields('Content-Length: 10'), { maxBodyBytes: 10 })).toBe('accepted')
    expect(refused(fields('Content-Length: 11'), { maxBodyBytes: 10 })).toBe('BODY_TOO_LARGE')
  })
})
