import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePathTemplate, type PathTemplate, REST_END } from './path-template.ts'

const parsed = (text: string): PathTemplate => {
  const template = parsePathTemplate(text)
  if ('error' in template) throw new Error(template.error)
  return template
}

const shape = (template: PathTemplate): string =>
  template.segments.map((segment) => (typeof segment === 'string' ? segment : segment.literal)).join('/')

describe('templates', () => {
  test.each([
    ['/', '', ''],
    ['/v1/messages', 'v1/messages', ''],
    ['/v1/{name}', 'v1/*', ''],
    ['/v1/*/{a.b_c=shelves/*}/x', 'v1/*/shelves/*/x', ''],
    ['/v1/{name=files/**}', 'v1/files/**', ''],
    ['/v1/{name=**}:copy', 'v1/**', 'copy'],
    ['/v1/shelves:batchGet', 'v1/shelves', 'batchGet'],
    ['/v1/a%20b', 'v1/a b', ''],
    ['/v1/{name=shelves}', 'v1/shelves', ''],
  ])('%s', (text, segments, verb) => {
    const template = parsed(text)
    expect(shape(template)).toBe(segments)
    expect(template.verb).toBe(verb)
  })

  test('variables know the segments that they take', () => {
    expect(parsed('/v1/{a}/{b.c=x/*/y}/{d=**}').variables).toEqual([
      { fieldPath: ['a'], start: 1, end: 2, isMultiSegment: false },
      { fieldPath: ['b', 'c'], start: 2, end: 5, isMultiSegment: true },
      { fieldPath: ['d'], start: 5, end: REST_END, isMultiSegment: true },
    ])
  })
})

describe('what is refused', () => {
  test.each([
    ['v1', 'must begin with "/"'],
    ['', 'must begin with "/"'],
    ['/v1//a', 'has an empty segment'],
    ['/v1/', 'has an empty segment'],
    ['/v1/**/a', '"**" must be the last segment'],
    ['/v1/{a=**}/b', '"**" must be the last segment'],
    ['/v1/{a={b}}', '"{a={b}}": variables do not nest'],
    ['/v1/{a}{b}', '"{a}{b}": variables do not nest'],
    ['/v1/{a}x', '"{a}x": a variable is a segment of its own'],
    ['/v1/{a', '"{a": a variable is a segment of its own'],
    ['/v1/x{a}', '"x{a}" is neither a literal, "*", "**" nor a variable as "{name}"'],
    ['/v1/{}', '"" is not the path of a field'],
    ['/v1/{a..b}', '"a..b" is not the path of a field'],
    ['/v1/{9}', '"9" is not the path of a field'],
    ['/v1/{a}/{a}', '"a" is there twice'],
    ['/v1/{a=}', 'has an empty segment'],
    ['/v1/a?b', '"a?b" is neither a literal, "*", "**" nor a variable as "{name}"'],
    ['/v1/a*', '"a*" is neither a literal, "*", "**" nor a variable as "{name}"'],
    ['/v1/%ff', '"%ff" is not UTF-8 when it is decoded'],
    ['/v1/a:', 'the verb behind ":" must be letters, digits, "-", "_", "." or "~"'],
    ['/v1/a:b c', 'the verb behind ":" must be letters, digits, "-", "_", "." or "~"'],
    [`/${'a/'.repeat(64)}b`, 'has more than 64 segments'],
  ])('%s', (text, error) => expect(parsePathTemplate(text)).toEqual({ error }))

  test('any text is read or refused', () => {
    const pieces = fc.constantFrom('/', '{', '}', '*', '**', '=', '.', ':', '%', '%2', '%41', 'a', 'b1', '', '?', 'é')
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
        const template = parsePathTemplate(`/${parts.join('')}`)
        if ('error' in template) return
        for (const { start, end } of template.variables) {
          expect(end === REST_END || (start < end && end <= template.segments.length)).toBe(true)
        }
      }),
      { seed: 20264, numRuns: 20_000 },
    )
  })
})
