import { Headers } from '@sekisho/wire'
import { expect, test } from 'vitest'
import { grpcStatusOf } from './status.ts'

const head = (fields: Record<string, string>) => ({ headers: Headers.from(fields) })

test.each([
  [{}, 'grpc-status: 0\r\n', 0],
  [{}, 'x: 1\r\nGRPC-Status:  14 \r\ngrpc-message: grpc-status: 3\r\n', 14],
  [{ 'grpc-status': '5' }, '', 5],
  [{ 'grpc-status': '5' }, 'x: 1\r\n', 5],
  [{}, '', undefined],
  [{}, 'grpc-status: none\r\n', undefined],
  [{}, 'x-grpc-status: 3\r\n', undefined],
  [{}, 'x: grpc-status: 3\r\n', undefined],
  [{ 'grpc-status': '5x' }, '', undefined],
])('of a head %j and trailers %j it is %s', (fields, trailers, status) => {
  expect(grpcStatusOf(head(fields), trailers)).toBe(status)
})

test('there is none without a response', () => expect(grpcStatusOf(undefined, '')).toBeUndefined())
