import { Headers } from '@sekisho/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSingle, readB3, writeB3 } from './b3.ts'
import { maskedQuery } from './masked-query.ts'
import { ratioSampler } from './sampler.ts'
import { newSpanId, newTraceId } from './trace-ids.ts'
import { parseTraceParent, traceParent } from './trace-parent.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

describe('traceparent', () => {
  test.each([
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-ff`, true],
    [`cc-${TRACE}-${SPAN}-01`, true],
    [`cc-${TRACE}-${SPAN}-01-what-comes-later`, true],
  ])('%s is read', (field, sampled) => {
    expect(parseTraceParent(field)).toEqual({ traceId: TRACE, spanId: SPAN, sampled })
  })

  // Among them those of the validation suite of the W3C.
  test.each([
    '',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01.`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-0x`,
    `0-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
    `cc-${TRACE}-${SPAN}-01-${'x'.repeat(600)}`,
  ])('%j is not', (field) => {
    expect(parseTraceParent(field)).toBeUndefined()
  })
})

describe('B3', () => {
  test.each([
    '',
    'x',
    '2',
    `${TRACE}-${SPAN}-x`,
    `${TRACE}-${SPAN}-1-`,
    `${TRACE.slice(1)}-${SPAN}-1`,
    `${'0'.repeat(32)}-${SPAN}`,
  ])('%j is not read', (field) => {
    expect(parseSingle(field)).toBeUndefined()
  })

  test('what is written is read again', () => {
    for (const [sampled, debug] of [
      [true, false],
      [false, false],
      [true, true],
    ]) {
      const headers = Headers.from({ b3: '0', 'X-B3-Sampled': '0', 'X-Other': 'stays' })
      writeB3(headers, { traceId: TRACE, spanId: SPAN, parentId: SPAN, sampled, debug })
      const expected = { traceId: TRACE, spanId: SPAN, sampled, debug }
      expect(readB3(headers)).toEqual(expected)
      headers.delete('b3')
      expect(readB3(headers)).toEqual(expected)
      expect(headers.get('x-other')).toBe('stays')
    }
  })
})

test('whatever strangers send is read or refused, and what is read is well formed', () => {
  const piece = fc.constantFrom(TRACE, SPAN, '00', 'ff', '01', '-', '--', '0', 'd', '1', ' ', 'G', ',', '\x00', 'é')
  const field = fc.oneof(
    fc.string({ maxLength: 80 }),
    fc.array(piece, { maxLength: 12 }).map((list) => list.join('')),
  )
  fc.assert(
    fc.property(field, (text) => {
      const parent = parseTraceParent(text)
      if (parent !== undefined)
        expect(parseTraceParent(traceParent(parent.traceId, parent.spanId, parent.sampled))).toEqual(parent)
      const context = parseSingle(text)
      if (context !== undefined && context.traceId !== '')
        expect(`${context.traceId} ${context.spanId}`).toMatch(/^([0-9a-f]{16}|[0-9a-f]{32}) [0-9a-f]{16}$/)
    }),
    { numRuns: 2_000 },
  )
})

test('identifiers are of their length, and differ', () => {
  const ids = new Set(Array.from({ length: 2_000 }, () => newTraceId()))
  expect(ids.size).toBe(2_000)
  expect([...ids].every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true)
  expect(newSpanId()).toMatch(/^[0-9a-f]{16}$/)
})

test('a ratio takes its share, always the same traces, and a larger one those of a smaller one', () => {
  const ids = Array.from({ length: 4_000 }, () => newTraceId())
  const [tenth, half] = [ratioSampler(0.1), ratioSampler(0.5)]
  const some = ids.filter((id) => tenth(id, undefined))
  expect(some.length / ids.length).toBeGreaterThan(0.05)
  expect(some.length / ids.length).toBeLessThan(0.15)
  expect(some.every((id) => half(id, undefined) && tenth(id, undefined))).toBe(true)
  expect([ratioSampler(1)(TRACE, undefined), ratioSampler(0)(TRACE, undefined)]).toEqual([true, false])
})

test.each([
  ['', ''],
  ['a=1&b', 'a=1&b'],
  ['token=x', 'token=REDACTED'],
  ['a=1&API-Key=x&c=', 'a=1&API-Key=REDACTED&c='],
  ['%74oken=x&sig=y', '%74oken=REDACTED&sig=REDACTED'],
  ['%zz=x', '%zz=x'],
])('the query %j is told as %j', (query, masked) => {
  expect(maskedQuery(query)).toBe(masked)
})
