import { Type } from '../../schema/type.ts'
import { Settings } from 'typebox/system'
import { describe, expect, test } from 'vitest'
import { explainSchema } from './explain.ts'

const messages = (schema: Parameters<typeof explainSchema>[0], value: unknown): string[] =>
  explainSchema(schema, value, '/at').map(({ path, message, remedy }) =>
    [path, message, remedy].filter(Boolean).join(' | '),
  )

test('what is right needs no words', () => {
  expect(explainSchema(Type.String(), 'a', '')).toEqual([])
})

describe('alternatives', () => {
  const Nodes = Type.Union([
    Type.Record(Type.String(), Type.Integer({ minimum: 0 })),
    Type.Array(Type.Object({ host: Type.String(), weight: Type.Integer() }, { additionalProperties: false })),
  ])

  test('the one of the right type is explained', () => {
    expect(messages(Nodes, { 'a:1': -1 })).toEqual(['/at/a:1 | must be at least 0'])
    expect(messages(Nodes, [{ host: 'a' }, { host: 'b', weight: '1' }])).toEqual([
      '/at/0 | "weight" is missing',
      '/at/1/weight | must be a whole number | write 1 without quotes',
    ])
  })

  test('when none is, all are named', () => {
    expect(messages(Nodes, 5)).toEqual(['/at | must be an object or a list'])
    expect(messages(Type.Union([Type.Literal('a'), Type.Literal(1), Type.Boolean()]), null)).toEqual([
      '/at | must be "a", 1 or true or false',
    ])
  })

  const Labelled = Type.Union([
    Type.Object({ type: Type.Literal('file'), path: Type.String() }),
    Type.Object({ type: Type.Literal('http'), url: Type.String() }),
  ])

  test('a label decides', () => {
    expect(messages(Labelled, { type: 'http' })).toEqual(['/at | "url" is missing'])
    expect(messages(Labelled, { type: 'ftp' })).toEqual(['/at/type | must be "file" or "http"'])
  })

  test('inside alternatives', () => {
    const Outer = Type.Union([Type.String(), Type.Object({ nodes: Nodes, kind: Labelled })])
    expect(messages(Outer, { nodes: { a: 'x' }, kind: { type: 'file', path: 1 } })).toEqual([
      '/at/nodes/a | must be a whole number',
      '/at/kind/path | must be text | write "1"',
    ])
  })

  test('in several items of a list, each for itself', () => {
    expect(messages(Type.Array(Nodes), [{ a: -1 }, 5, { b: 1 }, [{}]]).toSorted()).toEqual([
      '/at/0/a | must be at least 0',
      '/at/1 | must be an object or a list',
      '/at/3/0 | "host" is missing',
      '/at/3/0 | "weight" is missing',
    ])
  })

  test('a rule in words replaces them all', () => {
    const schema = Type.Object(
      {},
      { anyOf: [{ required: ['a'] }, { required: ['b'] }], errorMessage: 'needs "a" or "b"', remedy: 'add one' },
    )
    expect(messages(schema, {})).toEqual(['/at | needs "a" or "b" | add one'])
  })
})

describe('words', () => {
  test.each([
    [Type.String({ minLength: 1 }), '', '/at | must not be empty'],
    [Type.String({ minLength: 3 }), 'ab', '/at | must have at least 3 characters'],
    [Type.String({ maxLength: 1 }), 'abc', '/at | must have at most 1 character'],
    [Type.String({ pattern: '^a' }), 'b', '/at | must match the regular expression ^a'],
    [Type.Array(Type.Integer(), { minItems: 1 }), [], '/at | must not be empty'],
    [Type.Array(Type.Integer(), { maxItems: 1 }), [1, 2], '/at | must have at most 1 item'],
    [Type.Array(Type.Integer(), { uniqueItems: true }), [1, 1], '/at | has the same item twice | keep one of them'],
    [Type.Array(Type.Integer()), 1, '/at | must be a list | write [1]'],
    [Type.Number({ maximum: 2 }), 3, '/at | must be at most 2'],
    [Type.Number({ exclusiveMaximum: 3 }), 3, '/at | must be less than 3'],
    [Type.Number({ multipleOf: 2 }), 3, '/at | must be a multiple of 2'],
    [Type.Boolean(), 'off', '/at | must be true or false | write false'],
    [Type.String(), null, '/at | must be text | write a value, or remove the key'],
    [Type.Enum(['left', 'right']), 'lefft', '/at | must be "left" or "right" | did you mean "left"?'],
    [Type.Object({}, { minProperties: 1 }), {}, '/at | must not be empty'],
  ])('%#', (schema, value, message) => {
    expect(messages(schema, value)).toEqual([message])
  })

  test('a misspelt key is not reported as missing too', () => {
    const schema = Type.Object({ count: Type.Integer() }, { additionalProperties: false })
    expect(messages(schema, { coutn: 1 })).toEqual(['/at/coutn | unknown key "coutn" | did you mean "count"?'])
  })

  test('keys are escaped in paths', () => {
    expect(messages(Type.Record(Type.String(), Type.Integer()), { 'a/b~c': 'x' })).toEqual([
      '/at/a~1b~0c | must be a whole number',
    ])
  })

  test('typebox keeps its own bound of errors', () => {
    const before = Settings.Get().maxErrors
    const items = Array.from({ length: 20 }, () => 'x')
    expect(messages(Type.Array(Type.Integer()), items)).toHaveLength(20)
    expect(Settings.Get().maxErrors).toBe(before)
  })
})

describe('very much of it', () => {
  test('more unknown keys than errors are kept are still found', () => {
    const strict = Type.Object({ known: Type.Optional(Type.String()) }, { additionalProperties: false })
    const value = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`f${at}`, 1]))
    expect(messages(strict, value)).toHaveLength(100)
    expect(messages(strict, value)[0]).toBe('/at/f0 | unknown key "f0"')
  })

  test('repeated items of long lists take time with their number alone', () => {
    const schema = Type.Object({ list: Type.Array(Type.String(), { uniqueItems: true }) })
    const value = { list: Array.from({ length: 100_000 }, () => 'same') }
    expect(messages(schema, value)).toEqual(['/at/list | has the same item twice | keep one of them'])
  })

  test('what is shown of a long text is short', () => {
    const schema = Type.String({
      pattern: '^/',
      patternErrorMessage: 'must start with "/"',
      remedy: 'write "/{value}"',
    })
    expect(messages(schema, `$&${'a'.repeat(100_000)}`)[0]).toBe(
      `/at | must start with "/" | write "/$&${'a'.repeat(57)}…"`,
    )
  })
})
