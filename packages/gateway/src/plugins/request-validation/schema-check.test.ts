import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { repeatedName } from './repeated-name.ts'
import { SchemaCheck } from './schema-check.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

const fits = (schema: object, value: unknown): boolean => new SchemaCheck(schema).problem(value, 0) === undefined

const name = fc.constantFrom('a', 'b', 'c', 'ab')
const leaf = fc.oneof(
  fc.constantFrom(null, true, false, 0, 1, 2, 1.5, -1, 10, 'a', 'ab', 'abc', '', 'é😀', [], {}),
  fc.integer({ min: -3, max: 12 }),
)
const value = fc.letrec<{ all: unknown }>((tie) => ({
  all: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('all'), { maxLength: 3 }),
    fc.dictionary(name, tie('all'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).all

/** Keywords that all drafts from 07 on have. */
const schemas = fc.letrec<{ all: object | boolean }>((tie) => {
  const sub = tie('all')
  const part: Record<string, fc.Arbitrary<unknown>> = {
    type: fc.oneof(
      fc.constantFrom('object', 'array', 'string', 'number', 'integer', 'boolean', 'null'),
      fc.constant(['string', 'null']),
    ),
    enum: fc.uniqueArray(leaf, { minLength: 1, maxLength: 3, selector: (one) => JSON.stringify(one) }),
    const: leaf,
    minimum: fc.integer({ min: -1, max: 3 }),
    exclusiveMaximum: fc.integer({ min: 0, max: 4 }),
    multipleOf: fc.constantFrom(1, 2, 0.5),
    minLength: fc.integer({ min: 0, max: 2 }),
    maxLength: fc.integer({ min: 0, max: 3 }),
    pattern: fc.constantFrom('^a', 'b$', '[ab]{2}', 'é.$'),
    required: fc.uniqueArray(name, { maxLength: 2 }),
    properties: fc.dictionary(name, sub, { maxKeys: 3, noNullPrototype: true }),
    patternProperties: fc.dictionary(fc.constantFrom('^a', 'b'), sub, { maxKeys: 2 }),
    additionalProperties: sub,
    propertyNames: sub,
    minProperties: fc.integer({ min: 0, max: 2 }),
    contains: sub,
    minItems: fc.integer({ min: 0, max: 2 }),
    maxItems: fc.integer({ min: 0, max: 3 }),
    uniqueItems: fc.boolean(),
    items: sub,
    allOf: fc.array(sub, { minLength: 1, maxLength: 2 }),
    anyOf: fc.array(sub, { minLength: 1, maxLength: 2 }),
    oneOf: fc.array(sub, { minLength: 1, maxLength: 2 }),
    not: sub,
    if: sub,
    // oxlint-disable-next-line no-thenable
    then: sub,
    else: sub,
    $ref: fc.constantFrom('#/definitions/text', '#/definitions/list'),
  }
  const names = Object.keys(part)
  return {
    all: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.boolean(),
      fc
        .uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 4 })
        .chain((keys) => fc.record(Object.fromEntries(keys.map((key) => [key, part[key]])))),
    ),
  }
}).all

const definitions = {
  text: { type: 'string', minLength: 1 },
  list: { type: 'array', items: { $ref: '#/definitions/text' } },
}

/** undefined: the code that Ajv made of the schema does not run. */
function saidBy(oracle: ValidateFunction, value: unknown): boolean | undefined {
  try {
    return oracle(value)
  } catch (error) {
    if (error instanceof ReferenceError) return undefined
    throw error
  }
}

describe('SchemaCheck', () => {
  it.each([
    ['draft-07', Ajv],
    ['2020-12', Ajv2020],
  ])(`says what Ajv says of schemas of %s (SEED=${seed})`, (_draft, Oracle) => {
    let wrong = 0
    fc.assert(
      fc.property(schemas, fc.array(value, { minLength: 1, maxLength: 6 }), (schema, values) => {
        const whole = { definitions, allOf: [schema] }
        const oracle = new Oracle({ strict: false, validateSchema: false, logger: false }).compile(whole)
        for (const one of values) {
          const expected = saidBy(oracle, one)
          // Its code for some schemas with "oneOf" and "$ref" names what it has not declared: "props0 is not defined".
          fc.pre(expected !== undefined)
          if (!expected) wrong++
          expect(fits(whole, one), JSON.stringify(one)).toBe(expected)
        }
      }),
      { seed, numRuns: 600 },
    )
    expect(wrong).toBeGreaterThan(100)
  })

  it.each([
    [
      'draft-04',
      { $schema: 'http://json-schema.org/draft-04/schema#', minimum: 3, exclusiveMinimum: true },
      [4],
      [3, 2],
    ],
    [
      'draft-04, not exclusive',
      { minimum: 3, exclusiveMinimum: false, maximum: 5, exclusiveMaximum: true },
      [3, 4],
      [2, 5],
    ],
    [
      'tuples',
      { items: [{ type: 'string' }, { type: 'number' }], additionalItems: false },
      [['a', 1], ['a']],
      [[1], ['a', 1, 2]],
    ],
    ['2020-12', { prefixItems: [{ type: 'string' }], items: { type: 'number' } }, [['a', 1]], [['a', 'b'], [1]]],
    [
      '2019-09',
      { properties: { a: true }, unevaluatedProperties: false, dependentRequired: { a: ['b'] } },
      [{}],
      [{ c: 1 }, { a: 1 }],
    ],
    [
      'dependencies',
      { dependencies: { a: ['b'], c: { required: ['d'] } } },
      [{ a: 1, b: 1 }, {}],
      [{ a: 1 }, { c: 1 }],
    ],
    [
      'recursion',
      { type: 'object', properties: { next: { $ref: '#' } }, additionalProperties: false },
      [{ next: { next: {} } }],
      [{ next: { next: 1 } }],
    ],
    [
      'ids',
      {
        $id: 'http://x/root.json',
        $defs: { t: { $id: 't.json', type: 'string' } },
        properties: { a: { $ref: 't.json' } },
      },
      [{ a: 'x' }],
      [{ a: 1 }],
    ],
    ['formats', { format: 'email' }, ['a@b.c', 1], ['a']],
    ['formats nobody knows', { format: 'colour' }, ['a', 1], []],
    ['PCRE', { pattern: '(?i)^[[:alpha:]]+\\z' }, ['aB'], ['a1']],
  ])('%s', (_name, schema, right, wrong) => {
    for (const one of right) expect(fits(schema, one), JSON.stringify(one)).toBe(true)
    for (const one of wrong) expect(fits(schema, one), JSON.stringify(one)).toBe(false)
  })

  it('takes no text as right that is too long for an expression, behind a not either', () => {
    const long = 'a'.repeat(9_000)
    for (const schema of [
      { pattern: 'a+' },
      { not: { pattern: '^b+' } },
      { format: 'email' },
      { not: { format: 'email' } },
      { anyOf: [{ pattern: 'b*' }, true] },
    ]) {
      expect(new SchemaCheck(schema).problem(long, 9_000)).toContain('more than 8,192 characters')
    }
    expect(fits({ pattern: '^a' }, long)).toBe(true)
  })

  it('ends on values within each other', () => {
    let deep: unknown = {}
    for (let depth = 0; depth < 100_000; depth++) deep = { next: deep }
    const schema = { properties: { next: { $ref: '#' } }, additionalProperties: false }
    expect(new SchemaCheck(schema).problem(deep, 1e6)).toBe('has too many values within each other')
  })

  it.each([
    [{ type: 'text' }, '/type: must be one of'],
    [{ properties: { a: { required: true } } }, '/properties/a/required: must be a list of names'],
    [{ properties: { a: 'string' } }, '/properties/a: is no schema'],
    [{ minimum: '1' }, '/minimum: must be a number'],
    [{ exclusiveMinimum: true }, '/exclusiveMinimum: needs "minimum"'],
    [{ pattern: '(' }, '/pattern: is not a regular expression'],
    [{ pattern: '(a+)+$' }, '/pattern: '],
    [{ patternProperties: { '(a+)+$': true } }, '/patternProperties/(a+)+$: '],
    [{ patternProperties: { '(?i)a': true } }, 'have no flags'],
    [{ $ref: 'http://example.com/a.json' }, '/$ref: "http://example.com/a.json" leads out of this schema'],
    [{ $ref: '#/definitions/a' }, 'there is nothing at "#/definitions/a"'],
    [{ $ref: '#a' }, 'there is no "$anchor"'],
    [{ allOf: [{ items: 1 }] }, '/allOf/0/items: is no schema'],
  ])('refuses %j', (schema, message) => {
    const said = (): string => {
      try {
        new SchemaCheck(schema)
        return ''
      } catch (error) {
        const { pointer, message: text } = error as Error & { pointer: string }
        return `${pointer}: ${text}`
      }
    }
    expect(said()).toContain(message)
  })
})

describe('repeatedName', () => {
  it.each([
    ['{"a":1,"b":{"a":1},"c":["a","a",{"a":1},{"a":2}]}', undefined],
    ['{"a":"a","b":"a"}', undefined],
    ['{"a":1,"a":2}', 'has the name "a" twice'],
    ['{"a":1,"\\u0061":2}', 'has the name "a" twice'],
    ['[[{"x":[{"a":{}, "b" : 1 ,"a":[]}]}]]', 'has the name "a" twice'],
    ['{"\\\\":1,"\\"":2,"\\\\\\"":3}', undefined],
    ['"a"', undefined],
    [`{"${'a'.repeat(9_000)}":1}`, 'has a name of more than'],
  ])('%s', (text, expected) => {
    JSON.parse(text)
    if (expected === undefined) expect(repeatedName(text)).toBeUndefined()
    else expect(repeatedName(text)).toContain(expected)
  })

  it(`finds those that make JSON shorter when it is read (SEED=${seed})`, () => {
    const json = fc.letrec<{ all: string }>((tie) => ({
      all: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.json({ maxDepth: 1 }),
        fc.array(tie('all'), { maxLength: 3 }).map((items) => `[${items.join(' , ')}]`),
        fc
          .array(fc.tuple(fc.constantFrom('a', 'b', '\\u0061', '\\"', '{', ':,'), tie('all')), { maxLength: 4 })
          .map((pairs) => `{${pairs.map(([key, one]) => `"${key}" : ${one}`).join(',')}}`),
      ),
    })).all
    let repeated = 0
    fc.assert(
      fc.property(json, (text) => {
        // A reader that keeps every name: as many as there are colons outside of texts.
        const colons = text.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1
        let names = 0
        JSON.parse(text, (_key, one: unknown) => {
          if (typeof one === 'object' && one !== null && !Array.isArray(one)) names += Object.keys(one).length
          return one
        })
        if (names !== colons) repeated++
        expect(repeatedName(text) !== undefined).toBe(names !== colons)
      }),
      { seed, numRuns: 1_000 },
    )
    expect(repeated).toBeGreaterThan(20)
  })
})
