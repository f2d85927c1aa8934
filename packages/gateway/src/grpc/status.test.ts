import { expect, test } from 'vitest'
import { GRPC_STATUS_NAMES, GrpcStatus, grpcStatusOfHttp, httpStatusOfGrpc, parseGrpcStatus } from './status.ts'
import { decodeStatusMessage, encodeStatusMessage } from './status-message.ts'

test('names stand at their numbers', () => {
  for (const [name, number] of Object.entries(GrpcStatus)) expect(GRPC_STATUS_NAMES[number]).toBe(name)
})

test.each([
  ['OK', 200],
  ['CANCELLED', 499],
  ['UNKNOWN', 500],
  ['INVALID_ARGUMENT', 400],
  ['DEADLINE_EXCEEDED', 504],
  ['NOT_FOUND', 404],
  ['ALREADY_EXISTS', 409],
  ['PERMISSION_DENIED', 403],
  ['RESOURCE_EXHAUSTED', 429],
  ['FAILED_PRECONDITION', 400],
  ['ABORTED', 409],
  ['OUT_OF_RANGE', 400],
  ['UNIMPLEMENTED', 501],
  ['INTERNAL', 500],
  ['UNAVAILABLE', 503],
  ['DATA_LOSS', 500],
  ['UNAUTHENTICATED', 401],
] as const)('%s is HTTP %i', (name, http) => expect(httpStatusOfGrpc(GrpcStatus[name])).toBe(http))

test('a number that is no status of gRPC', () => expect(httpStatusOfGrpc(99)).toBe(500))

test.each([
  [400, 'INTERNAL'],
  [401, 'UNAUTHENTICATED'],
  [403, 'PERMISSION_DENIED'],
  [404, 'UNIMPLEMENTED'],
  [429, 'UNAVAILABLE'],
  [431, 'INTERNAL'],
  [502, 'UNAVAILABLE'],
  [503, 'UNAVAILABLE'],
  [504, 'UNAVAILABLE'],
  [500, 'UNKNOWN'],
  [200, 'UNKNOWN'],
] as const)('HTTP %i is %s', (http, name) => expect(grpcStatusOfHttp(http)).toBe(GrpcStatus[name]))

test.each([
  ['0', 0],
  ['16', 16],
  ['17', undefined],
  ['00', undefined],
  ['', undefined],
  ['-1', undefined],
])('grpc-status: %s', (text, status) => expect(parseGrpcStatus(text)).toBe(status))

test.each([
  ['plain text, 7 % of it', 'plain text, 7 %25 of it'],
  ['line\nend', 'line%0Aend'],
  ['関所 😀', '%E9%96%A2%E6%89%80 %F0%9F%98%80'],
])('message %j', (text, encoded) => {
  expect(encodeStatusMessage(text)).toBe(encoded)
  expect(decodeStatusMessage(encoded)).toBe(text)
})

test.each(['100%', '%zz is', '%4', 'ä %'])('%s is no valid encoding and stays', (value) =>
  expect(decodeStatusMessage(value)).toBe(value),
)
