import { Headers } from '@sekisho/wire'
import { describe, expect, test } from 'vitest'
import { localResponse, renderJsonError } from '../exchange/reply.ts'
import { ProxyError } from '../proxy-error.ts'
import { isGrpc, isGrpcCall, replyType } from './content-type.ts'
import { grpcReply, grpcTrailers, percentEncoded } from './reply.ts'

const told = (local: ReturnType<typeof localResponse>, error?: ProxyError) => {
  const { head, body } = grpcReply(local, error)
  expect([head.status, body, head.headers.has('content-length')]).toEqual([200, '', false])
  return [Number(head.headers.get('grpc-status')), head.headers.get('grpc-message')]
}

describe('a local answer as gRPC tells it', () => {
  // grpc/grpc, doc/http-grpc-status-mapping.md; 413 is ours: RESOURCE_EXHAUSTED.
  test.each([
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [413, 8],
    [429, 14],
    [431, 13],
    [500, 2],
    [502, 14],
    [503, 14],
    [504, 14],
    [418, 2],
    [302, 2],
  ])('%d is %d', (http, grpc) => expect(told(localResponse(http, 'because'))).toEqual([grpc, 'because']))

  test.each([
    [localResponse(401, { message: 'Missing API key' }), 'Missing API key'],
    [localResponse(404, { error_msg: '404 Route Not Found' }), '404 Route Not Found'],
    [localResponse(503, { error: 'no', reason: 'X' }), 'no (X)'],
    [localResponse(403, '<html></html>', { 'content-type': 'text/html' }), 'Forbidden'],
    [localResponse(403, '{"not":'), 'Forbidden'],
    [localResponse(503), 'Service Unavailable'],
    [localResponse(400, 'ungültig 100%\n'), 'ung%C3%BCltig 100%25'],
  ])('the words of a body %#', (local, words) => expect(told(local)[1]).toBe(words))

  test('other fields stay, and gRPC that is made already stays as it is', () => {
    const limited = grpcReply(localResponse(429, 'later', { 'retry-after': '5' }), undefined)
    expect(limited.head.headers.get('retry-after')).toBe('5')
    const own = localResponse(200, '', { 'grpc-status': '5', 'grpc-message': 'not here' })
    expect(grpcReply(own, undefined)).toBe(own)
  })

  test('an error tells a client what concerns it, and nothing of what is behind the gateway', () => {
    const late = new ProxyError('DEADLINE_EXCEEDED', 'upstream', 504, 'not in time')
    expect(told(renderJsonError(504, late.code), late)).toEqual([4, 'not in time'])
    const dead = new ProxyError('CONNECT_REFUSED', 'upstream', 502, '10.0.0.7:50051 refused the connection')
    expect(told(renderJsonError(502, dead.code), dead)).toEqual([14, 'Bad Gateway (CONNECT_REFUSED)'])
    expect(grpcTrailers(dead)).toBe('grpc-status: 14\r\ngrpc-message: Bad Gateway (CONNECT_REFUSED)\r\n')
    const broken = new ProxyError('STREAM_RESET', 'upstream', 0, '10.0.0.7:50051 reset the stream')
    expect(grpcTrailers(broken)).toBe('grpc-status: 14\r\ngrpc-message: Bad Gateway (STREAM_RESET)\r\n')
    // A page that somebody made for it is what they wanted to say.
    expect(told(localResponse(503, 'we are moving'), dead)).toEqual([14, 'we are moving'])
  })

  test('percent-encoding: UTF-8, control characters, the sign itself', () => {
    expect(percentEncoded('a b~\t\r\n%é関')).toBe('a b~%09%0D%0A%25%C3%A9%E9%96%A2')
  })
})

test.each([
  ['application/grpc', true, true],
  ['application/grpc+proto', true, true],
  ['Application/gRPC; charset=x', true, true],
  ['application/grpc-web', false, true],
  ['application/grpc-web-text+proto', false, true],
  ['application/grpcx', false, false],
  ['application/json', false, false],
])('%s', (type, grpc, call) => {
  const head = { headers: Headers.from({ 'content-type': type }) }
  expect([isGrpc(head), isGrpcCall(head)]).toEqual([grpc, call])
})

test.each([
  ['application/grpc', 'application/grpc'],
  ['application/grpc+json', 'application/grpc'],
  ['application/grpc-web', 'application/grpc-web'],
  ['application/grpc-web-text+proto; charset=utf-8', 'application/grpc-web-text+proto'],
  ['application/grpc-website', undefined],
  ['application/json', undefined],
])('a local answer to %s is %s', (type, expected) => {
  expect(replyType({ headers: Headers.from({ 'content-type': type }) })).toBe(expected)
  expect(replyType({ headers: new Headers() })).toBeUndefined()
})
