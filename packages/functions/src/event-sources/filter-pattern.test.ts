import { describe, expect, it, test } from 'vitest'
import { compileFilter } from './filter-pattern.ts'
import type { SourceRecord } from './poller.ts'
import { RecordFilter } from './record-filter.ts'

const matches = (pattern: unknown, value: unknown) => compileFilter(JSON.stringify(pattern))(value)

test.each<[pattern: unknown, value: unknown, expected: boolean]>([
  [{ a: ['x'] }, { a: 'x' }, true],
  [{ a: ['x'] }, { a: 'y' }, false],
  [{ a: ['x', 'y'] }, { a: 'y' }, true],
  [{ a: [1] }, { a: '1' }, false],
  [{ a: ['x'] }, { a: ['q', 'x'] }, true],
  [{ a: [null] }, { a: null }, true],
  [{ a: [null] }, {}, false],
  [{ a: [''] }, { a: '' }, true],
  [{ a: ['x'], b: ['y'] }, { a: 'x' }, false],
  [{ a: ['x'], b: ['y'] }, { a: 'x', b: 'y' }, true],
  [{ a: { b: { c: [true] } } }, { a: { b: { c: true } } }, true],
  [{ a: { b: ['x'] } }, { a: 'text' }, false],
  [{ a: [{ exists: true }] }, { a: null }, true],
  [{ a: [{ exists: false }] }, {}, true],
  [{ a: [{ exists: false }] }, { a: 1 }, false],
  [{ constructor: [{ exists: false }] }, {}, true],
  [{ a: [{ prefix: 'us-' }] }, { a: 'us-east-1' }, true],
  [{ a: [{ suffix: '.png' }] }, { a: 'a.png' }, true],
  [{ a: [{ 'equals-ignore-case': 'ÄB' }] }, { a: 'äb' }, true],
  [{ a: [{ wildcard: 'a*c*e' }] }, { a: 'abcde' }, true],
  [{ a: [{ wildcard: 'a*a' }] }, { a: 'a' }, false],
  [{ a: [{ wildcard: 'a*b*b' }] }, { a: 'ab' }, false],
  [{ a: [{ 'anything-but': ['x', 'y'] }] }, { a: 'z' }, true],
  [{ a: [{ 'anything-but': ['x', 'y'] }] }, { a: 'x' }, false],
  [{ a: [{ 'anything-but': 'x' }] }, {}, false],
  [{ a: [{ 'anything-but': { prefix: 'x' } }] }, { a: 'xa' }, false],
  [{ a: [{ numeric: ['=', 5] }] }, { a: 5 }, true],
  [{ a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 5 }, true],
  [{ a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 5.1 }, false],
  [{ a: [{ numeric: ['>', 0] }] }, { a: '5' }, false],
  [{ $or: [{ a: ['x'] }, { b: ['y'] }] }, { b: 'y' }, true],
  [{ $or: [{ a: ['x'] }, { b: ['y'] }], c: ['z'] }, { b: 'y' }, false],
  [{}, {}, true],
])('%j and %j: %s', (pattern, value, expected) => {
  expect(matches(pattern, value)).toBe(expected)
})

test.each([
  ['[]', 'a filter is an object'],
  ['{"a":"x"}', 'a must be a list of values, or an object'],
  ['{"a":{"b":[]}}', 'a.b must not be an empty list'],
  ['{"a":[{"like":"x"}]}', 'a: like is not known'],
  ['{"a":[{"prefix":1}]}', 'a: the rule needs a text'],
  ['{"a":[{"numeric":["<>",1]}]}', 'a: numeric needs a list'],
  ['{"a":[{"prefix":"a","suffix":"b"}]}', 'a: a rule is one value'],
  ['{"$or":[{"a":[1]}]}', '$or must be a list of two or more objects'],
])('%s is refused', (pattern, problem) => {
  expect(() => compileFilter(pattern)).toThrow(problem)
})

describe('records', () => {
  const record = (body: string): SourceRecord => ({
    lane: '',
    id: '1',
    event: { messageId: '1', body },
    contents: { body },
    bytes: 0,
    at: 0,
    deliveries: 0,
  })

  it('are looked into where a filter wants it, and taken as text where it does not', () => {
    const filter = new RecordFilter(['{"body":{"a":[1]}}'])
    expect(filter.passes(record('{"a":1}'))).toBe(true)
    expect(filter.passes(record('{"a":2}'))).toBe(false)
    expect(filter.passes(record('plain text'))).toBe(false)
    expect(new RecordFilter(['{"body":["plain text"]}']).passes(record('plain text'))).toBe(true)
  })

  it('pass when one of several filters lets them', () => {
    const filter = new RecordFilter(['{"body":{"a":[1]}}', '{"messageId":["1"]}'])
    expect(filter.passes(record('{"a":2}'))).toBe(true)
    expect(new RecordFilter([]).passes(record('x'))).toBe(true)
  })
})
