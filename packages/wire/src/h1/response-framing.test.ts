import { describe, expect, it } from 'vitest'
import { DEFAULT_H1_LIMITS } from '../limits.ts'
import { response } from '../testing/server-side.ts'
import { parseRequestHead, RequestHead } from './request-head.ts'
import { BY_CHUNKS, BY_CLOSE, BY_LENGTH, frameResponse, NO_BODY, statusLine } from './response-framing.ts'
import { statusText } from './status-text.ts'

const request = (method: string, minor: number): RequestHead => {
  const text = `${method} / HTTP/1.${minor}\r\nHost: a\r\n\r\n`
  const head = parseRequestHead(text, 0, text.length, DEFAULT_H1_LIMITS)
  if (!(head instanceof RequestHead)) throw new Error(head.code)
  return head
}
const CL = { 'Content-Length': '5' }
const TE = { 'Transfer-Encoding': 'chunked' }

describe('a response to HTTP/1.1', () => {
  it.each([
    ['with a length', 'GET', 200, CL, BY_LENGTH, 'Content-Length: 5\r\n'],
    ['in chunks', 'GET', 200, TE, BY_CHUNKS, 'Transfer-Encoding: chunked\r\n'],
    ['of neither', 'GET', 200, {}, BY_CHUNKS, 'Transfer-Encoding: chunked\r\n'],
    ['of both, which a filter made', 'GET', 200, { ...CL, ...TE }, BY_CHUNKS, 'Transfer-Encoding: chunked\r\n'],
    ['to HEAD with a length', 'HEAD', 200, CL, NO_BODY, 'Content-Length: 5\r\n'],
    ['to HEAD in chunks', 'HEAD', 200, TE, NO_BODY, 'Transfer-Encoding: chunked\r\n'],
    ['to HEAD of neither', 'HEAD', 200, {}, NO_BODY, ''],
    ['204 with a length', 'GET', 204, { ...CL, ...TE, A: '1' }, NO_BODY, 'A: 1\r\n'],
    ['304 with a length', 'GET', 304, CL, NO_BODY, 'Content-Length: 5\r\n'],
    ['304 of neither', 'GET', 304, {}, NO_BODY, ''],
    ['103', 'GET', 103, CL, NO_BODY, ''],
    ['404 of neither to POST', 'POST', 404, {}, BY_CHUNKS, 'Transfer-Encoding: chunked\r\n'],
  ])('%s', (_, method, status, fields, framing, block) => {
    const head = response(status, fields)
    expect(frameResponse(head, request(method, 1))).toBe(framing)
    expect(head.headers.block).toBe(block)
  })
})

describe('a response to HTTP/1.0, which knows no chunks', () => {
  it.each([
    ['with a length', 'GET', 200, CL, BY_LENGTH, 'Content-Length: 5\r\n'],
    ['in chunks', 'GET', 200, TE, BY_CLOSE, ''],
    ['of neither', 'GET', 200, {}, BY_CLOSE, ''],
    ['to HEAD in chunks', 'HEAD', 200, TE, NO_BODY, ''],
    ['304 in chunks', 'GET', 304, TE, NO_BODY, ''],
    ['204', 'GET', 204, TE, NO_BODY, ''],
  ])('%s', (_, method, status, fields, framing, block) => {
    const head = response(status, fields)
    expect(frameResponse(head, request(method, 0))).toBe(framing)
    expect(head.headers.block).toBe(block)
  })
})

it('a refused request, of which nothing is known, is answered as HTTP/1.1', () => {
  expect(frameResponse(response(400, CL), undefined)).toBe(BY_LENGTH)
  expect(frameResponse(response(400), undefined)).toBe(BY_CHUNKS)
})

it('the status line has the phrase of the response, or the usual one', () => {
  const own = response(404)
  own.reason = 'Nothing Here'
  expect(statusLine(own)).toBe('HTTP/1.1 404 Nothing Here\r\n')
  expect(statusLine(response(404))).toBe('HTTP/1.1 404 Not Found\r\n')
  expect(statusLine(response(200))).toBe('HTTP/1.1 200 OK\r\n')
  expect(statusLine(response(299))).toBe('HTTP/1.1 299 \r\n')
})

it('every status that a refusal or Node knows has a usable phrase', () => {
  for (const status of [200, 400, 405, 408, 413, 414, 417, 431, 501, 502, 503, 504, 505]) {
    expect(statusText(status)).toMatch(/^[A-Z][A-Za-z ]+$/)
  }
  expect(statusText(999)).toBe('')
})
