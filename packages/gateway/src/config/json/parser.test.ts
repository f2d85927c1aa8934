import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JsonError, type Offsets, parseJson } from './parser.ts'

const outcome = (parse: () => unknown): unknown => {
  try {
    return [parse()]
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof JsonError) return 'refused'
    throw error
  }
}

describe('agrees with JSON.parse', () => {
  test('on generated values', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        expect(parseJson(text)).toEqual(JSON.parse(text))
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  test('on damaged ones', () => {
    const insert = fc.constantFrom(
      '',
      ' ',
      ',',
      ':',
      '"',
      '\\',
      '{',
      '}',
      '[',
      ']',
      '0',
      '-',
      '.',
      'e',
      'true',
      '//',
      '\n',
      "'",
    )
    const damage = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(2), insert)
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), damage, (value, [at, remove, inserted]) => {
        const whole = JSON.stringify(value)
        const place = Math.floor(at * whole.length)
        const text = whole.slice(0, place) + inserted + whole.slice(place + remove)
        const ours = outcome(() => parseJson(text))
        // Ours refuses repeated keys, and nothing else that is JSON.
        if (ours === 'refused' && /is there twice/.test(messageOf(text))) return
        expect(ours).toEqual(outcome(() => JSON.parse(text)))
      }),
      { seed: 7, numRuns: 3000 },
    )
  })
})

const messageOf = (text: string): string => {
  try {
    parseJson(text)
    return ''
  } catch (error) {
    return (error as JsonError).message
  }
}

test('repeated keys and bottomless nesting are refused', () => {
  expect(messageOf('{"a":1,"a":2}')).toBe('the key "a" is there twice')
  expect(messageOf('['.repeat(100_000))).toBe('is nested more than 100 deep')
})

test('a key named __proto__ is a key', () => {
  const value = parseJson('{"__proto__":{"polluted":true}}') as object
  expect(Object.keys(value)).toEqual(['__proto__'])
  expect('polluted' in value).toBe(false)
})

test('offsets of keys and values', () => {
  const text = '{ "a/b": [1,\n {"c": true}] }'
  const offsets = new Map<string, Offsets>()
  parseJson(text, offsets)
  expect(offsets.get('/a~1b')).toEqual({ key: 2, value: 9 })
  expect(text.slice(offsets.get('/a~1b/1/c')!.value)).toBe('true}] }')
})
