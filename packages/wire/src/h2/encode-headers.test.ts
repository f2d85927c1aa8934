import { expect, test } from 'vitest'
import { Headers } from '../headers/headers.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { HpackEncoder } from './hpack/encoder.ts'
import type { Field } from './hpack/field.ts'
import { encodeHeaders } from './encode-headers.ts'

function decoded(headers: Headers, skip: ReadonlySet<string>): [string, string, boolean][] {
  const encoder = new HpackEncoder()
  const fields: [string, string, boolean][] = []
  encoder.begin()
  encodeHeaders(encoder, headers, skip)
  const sink = { onField: ({ name, value }: Field, never: boolean) => void fields.push([name, value, never]) }
  expect(new HpackDecoder().decode(encoder.bytes, 0, encoder.length, sink)).toBeUndefined()
  return fields
}

test('fields that their sender wanted in no table are sent that way', () => {
  const headers = Headers.from([
    ['X-Api-Key', 'secret'],
    ['X-Other', '1'],
    ['Connection', 'close'],
  ])
  const skip = new Set(['connection'])
  expect(decoded(headers, skip)).toEqual([
    ['x-api-key', 'secret', false],
    ['x-other', '1', false],
  ])
  headers.neverIndexed = new Set(['x-api-key'])
  expect(decoded(headers.clone(), skip)).toEqual([
    ['x-api-key', 'secret', true],
    ['x-other', '1', false],
  ])
})
