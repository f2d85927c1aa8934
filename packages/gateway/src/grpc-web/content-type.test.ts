import { describe, expect, it } from 'vitest'
import { grpcSuffix, parseWebType, wantsText, webTypeText } from './content-type.ts'

describe('the content type of a request', () => {
  it.each([
    ['application/grpc-web', { text: false, suffix: '' }],
    ['application/grpc-web+proto', { text: false, suffix: '+proto' }],
    ['application/grpc-web-text', { text: true, suffix: '' }],
    ['application/grpc-web-text+json', { text: true, suffix: '+json' }],
    ['Application/gRPC-Web+Thrift; charset=utf-8', { text: false, suffix: '+Thrift' }],
    ['application/grpc-web-text ;v=1', { text: true, suffix: '' }],
    ['application/grpc-web+vnd.example-1', { text: false, suffix: '+vnd.example-1' }],
  ])('%s', (type, parsed) => expect(parseWebType(type)).toEqual(parsed))

  it.each([
    undefined,
    '',
    'application/grpc',
    'application/grpc+proto',
    'application/json',
    'application/grpc-webtext',
    'application/grpc-web-texts',
    'application/grpc-web+',
    'text/plain, application/grpc-web',
  ])('%s is not gRPC-Web', (type) => expect(parseWebType(type)).toBeUndefined())
})

it.each([
  ['application/grpc', ''],
  ['application/grpc+proto', '+proto'],
  ['application/grpc;x=y', ''],
  ['application/grpc-web', undefined],
  ['text/html', undefined],
  [undefined, undefined],
])('gRPC: %s has the suffix %s', (type, suffix) => expect(grpcSuffix(type)).toBe(suffix))

describe('the answer is text', () => {
  const binary = { text: false, suffix: '' }
  const text = { text: true, suffix: '' }
  it.each([
    [undefined, text, true],
    [undefined, binary, false],
    ['*/*', text, true],
    ['*/*', binary, false],
    ['application/grpc-web-text', binary, true],
    ['application/grpc-web-text+proto;q=1', binary, true],
    ['application/grpc-web', text, false],
    ['text/html, application/grpc-web+proto, */*', text, false],
    ['application/grpc-web-text, application/grpc-web', binary, true],
  ])('with Accept %s and %j: %s', (accept, request, wanted) => expect(wantsText(accept, request)).toBe(wanted))
})

it('says a format where none was said', () => {
  expect(webTypeText(false, '')).toBe('application/grpc-web+proto')
  expect(webTypeText(true, '+json')).toBe('application/grpc-web-text+json')
})
