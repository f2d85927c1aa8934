import { describe, expect, it } from 'vitest'
import { DEFAULT_H1_LIMITS } from '../limits.ts'
import { CHUNKED } from './request-head.ts'
import { Refusal } from '../streams/refusal.ts'
import { parseResponseHead, ResponseHead, UNTIL_CLOSE } from './response-head.ts'

const parse = (text: string): ResponseHead | Refusal => parseResponseHead(text, 0, text.length, DEFAULT_H1_LIMITS)

function accepted(text: string): ResponseHead {
  const head = parse(text)
  if (head instanceof Refusal) throw new Error(head.code)
  return head
}

const refused = (text: string): string => {
  const head = parse(text)
  return head instanceof Refusal ? head.code : 'accepted'
}

it('has its parts', () => {
  const text = 'HTTP/1.1 404 Not  Found\r\nServer: x\r\nset-cookie: a\r\nSet-Cookie: b\r\n\r\n'
  const head = accepted(text)
  expect(head).toMatchObject({
    status: 404,
    reason: 'Not  Found',
    bodyLength: UNTIL_CLOSE,
    keepAlive: true,
    hopByHop: false,
    byteLength: text.length,
  })
  expect(head.headers.block).toBe('Server: x\r\nset-cookie: a\r\nSet-Cookie: b\r\n')
  expect(head.headers.getAll('Set-Cookie')).toEqual(['a', 'b'])
})

describe('the status line', () => {
  it.each([
    ['HTTP/1.1 200 OK', 200, 'OK'],
    ['HTTP/1.1 200 ', 200, ''],
    ['HTTP/1.1 200', 200, ''],
    ['HTTP/1.0 999 \tobs \xe9', 999, '\tobs \xe9'],
    ['HTTP/1.1 200 OK then', 200, 'OK then'],
    ['HTTP/1.1 100 Continue', 100, 'Continue'],
  ])('%j', (statusLine, status, reason) => {
    expect(accepted(`${statusLine}\r\n\r\n`)).toMatchObject({ status, reason })
  })

  it.each([
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 Low',
    'HTTP/1.1 2x0 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/2 200 OK',
    'HTTP/1 200 OK',
    'http/1.1 200 OK',
    'ICY 200 OK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1 -20 OK',
    'HTTP/1.1',
    '',
  ])('%j is refused', (statusLine) => {
    expect(refused(`${statusLine}\r\n\r\n`)).toBe('STATUS_LINE')
  })
})

describe('framing and connection', () => {
  it.each([
    ['1.1', 'Content-Length: 0', 0, true],
    ['1.1', 'Content-Length: 7', 7, true],
    ['1.1', 'Transfer-Encoding: chunked', CHUNKED, true],
    ['1.1', 'Connection: close', UNTIL_CLOSE, false],
    ['1.1', 'Connection: keep-alive', UNTIL_CLOSE, true],
    ['1.0', 'Content-Length: 7', 7, false],
    ['1.0', 'Connection: keep-alive', UNTIL_CLOSE, true],
    ['1.0', 'Connection: keep-alive, close', UNTIL_CLOSE, false],
  ])('HTTP/%s with %s', (version, field, bodyLength, keepAlive) => {
    expect(accepted(`HTTP/${version} 200 OK\r\n${field}\r\n\r\n`)).toMatchObject({ bodyLength, keepAlive })
  })

  it.each([
    ['Content-Length: 5\r\nContent-Length: 5', 'CONTENT_LENGTH_REPEATED'],
    ['Content-Length: 5, 5', 'CONTENT_LENGTH'],
    ['Content-Length: 5\r\nTransfer-Encoding: chunked', 'LENGTH_AND_ENCODING'],
    ['Transfer-Encoding: identity', 'TRANSFER_ENCODING'],
    ['A: 1\r\n b', 'OBS_FOLD'],
    ['A : 1', 'SPACE_BEFORE_COLON'],
    ['A: 1\nB: 2', 'BARE_LINE_END'],
    ['Expect: nothing', 'HEADER_VALUE'],
  ])('%j is %s', (fields, code) => {
    expect(refused(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`)).toBe(code)
  })

  it('HTTP/1.0 has no chunks', () => {
    expect(refused('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')).toBe('ENCODING_IN_HTTP_10')
  })

  it('tells of fields of one hop', () => {
    for (const field of ['Connection: close', 'Keep-Alive: timeout=5', 'Upgrade: h2', 'Proxy-Connection: x']) {
      expect(accepted(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`).hopByHop).toBe(true)
    }
    expect(accepted('HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n').hopByHop).toBe(false)
  })
})
