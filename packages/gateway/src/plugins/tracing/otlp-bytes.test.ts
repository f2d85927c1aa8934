import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AttributeKey } from './otlp-attributes.ts'
import { exportRequest, resourceField, scopeField } from './otlp-request.ts'
import { rejectedSpans } from './otlp-response.ts'
import { bytesOf, fixed32, fixed64, hexBytes, sized, utf8 } from './protobuf-text.ts'
import { decodeExport, exportResponse } from './testing/otlp-protos.ts'

/** A span with these attributes, by protobufjs. */
function decoded(name: string, startNs: number, attributes: Record<string, string | number | boolean>) {
  const fields = Object.entries(attributes).map(([key, value]) => new AttributeKey(key).with(value))
  const id = `\x0a${sized(hexBytes('0af7651916cd43dd8448eb211c80319c'))}\x12${sized(hexBytes('b7ad6b7169203331'))}`
  const times = `\x39${fixed64(startNs)}\x41${fixed64(startNs)}`
  const span = `${id}\x2a${sized(utf8(name))}\x30\x02${times}${fields.join('')}\x85\x01${fixed32(0x301)}`
  return decodeExport(exportRequest(resourceField({ a: 'b' }), scopeField('s', '1'), [bytesOf(`\x12${sized(span)}`)]))
}

test('whatever an attribute is, another decoder reads the same', () => {
  const value = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeNat(),
    // There is one zero among whole numbers.
    fc.double({ noNaN: true }).map((number) => (number === 0 ? 0 : number)),
  )
  const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((name) => name !== '__proto__')
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.integer({ min: 1 }),
      fc.dictionary(key, value),
      (name, ns, attributes) => {
        const [span] = decoded(name, ns, attributes)
        expect(span).toMatchObject({
          name,
          startNs: BigInt(ns),
          traceId: '0af7651916cd43dd8448eb211c80319c',
          flags: 0x301,
        })
        expect(span.attributes).toEqual(attributes)
        expect(span.resource).toEqual({ a: 'b' })
      },
    ),
    { numRuns: 300 },
  )
})

test('unpaired surrogates become valid UTF-8', () => {
  expect(decoded('\ud800', 1, { a: 'x\udc00' })[0]).toMatchObject({ name: '\ufffd', attributes: { a: 'x\ufffd' } })
})

test('an answer says how many spans were refused; one that is nothing says none', () => {
  expect(rejectedSpans(exportResponse(7))).toBe(7)
  expect(rejectedSpans(exportResponse())).toBe(0)
  expect(rejectedSpans(Buffer.from('{}'))).toBe(0)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => Number.isFinite(rejectedSpans(bytes))))
})
