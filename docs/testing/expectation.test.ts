import { describe, expect, it } from 'vitest'
import { differences, parseExpectation } from './expectation.ts'
import { splitWords } from './words.ts'

const answer = { status: 200, fields: [['x-id', 'a, b']] as const, body: '{ "a": 1, "b": 2 }' }
const asked = [{ method: 'GET', url: '/a', headers: {}, rawHeaders: ['X-User', 'jack'], body: '' }]

const wrong = (comment: string, requests = asked): string[] =>
  differences(parseExpectation(comment) as never, answer, requests)

describe('what is expected', () => {
  it.each([
    '200',
    '200, X-Id: a, b',
    '200, X-Id: a, b, no X-Other, body: {"a":1,"b":2}',
    '200, upstream: GET /a, upstream: x-user: JACK, no upstream: x-secret, no body: c',
  ])('is met: %s', (comment) => expect(wrong(comment)).toEqual([]))

  it.each([
    ['201', 'the status is 200, not 201'],
    ['200, X-Id: c', 'x-id: c is not in'],
    ['200, no X-Id', 'x-id:  is in'],
    ['200, body: {"a":2}', 'body: {"a":2} is not in'],
    ['200, no upstream', 'the upstream was asked'],
    ['200, no upstream: X-User', 'upstream: X-User is in'],
    ['200, X-Id: a, upstream: POST', 'upstream: POST is not in'],
  ])('is not: %s', (comment, problem) => {
    expect(wrong(comment)).toEqual([expect.stringContaining(problem)])
  })

  it('is that the upstream got nothing', () => {
    expect(wrong('200, no upstream', [])).toEqual([])
    expect(wrong('200, no upstream: X', [])).toEqual(['the upstream was not asked'])
  })

  it('is nothing for a reader, and nothing that is not understood', () => {
    expect(parseExpectation('the first one')).toBeUndefined()
    expect(() => parseExpectation('200, quickly')).toThrow('not an expectation: quickly')
  })
})

describe('words of a command', () => {
  it.each([
    [`curl -H 'A: b c' "x $N \\"y\\""`, ['curl', '-H', 'A: b c', 'x 7 "y"']],
    ['-d \'{"$N": 1}\' ${N}$N-z', ['-d', '{"$N": 1}', '77-z']],
    [`a\\ b ''`, ['a b', '']],
  ])('%s', (line, words) => expect(splitWords(line, { N: '7' })).toEqual(words))
})
