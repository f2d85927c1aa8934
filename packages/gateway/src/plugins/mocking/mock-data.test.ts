import { afterEach, describe, expect, it, vi } from 'vitest'
import { checkMockSchema, compileMockObject, type MockSchema } from './mock-data.ts'
import { TestSession } from '../testing/mounted.ts'

afterEach(() => void vi.restoreAllMocks())

const { ctx } = new TestSession('/?name=%22jack%22')
const make = (properties: object): Record<string, unknown> => compileMockObject({ type: 'object', properties })(ctx)
const check = (schema: MockSchema, isXml = false) => checkMockSchema(schema, '/response_schema', isXml)

describe('made-up data', () => {
  it('is of the types of the schema', () => {
    for (const dice of [0, 0.5, 0.999_999]) {
      vi.spyOn(Math, 'random').mockReturnValue(dice)
      const { text, number, whole, truth, list, inner } = make({
        text: { type: 'string' },
        number: { type: 'NUMBER' },
        whole: { type: 'integer' },
        truth: { type: 'boolean' },
        list: { type: 'array', items: { type: 'array', items: { type: 'integer' } } },
        inner: { type: 'object', properties: { text: { type: 'string' } } },
      })
      expect(text).toMatch(/^[a-z]{1,10}$/)
      expect(number).toBeGreaterThanOrEqual(0)
      expect(number).toBeLessThan(10_000)
      expect([1, 5_001, 10_000]).toContain(whole)
      expect(truth).toBe(dice < 0.5)
      expect([1, 2, 3]).toContain((list as unknown[][]).length)
      expect(Number.isInteger((list as number[][])[0]![0])).toBe(true)
      expect((inner as { text: string }).text).toMatch(/^[a-z]{1,10}$/)
      vi.restoreAllMocks()
    }
  })

  it('takes examples of the right type', () => {
    expect(
      make({
        text: { type: 'string', example: 'a' },
        number: { type: 'number', example: 5.5 },
        whole: { type: 'integer', example: 155.55 },
        truth: { type: 'boolean', example: false },
        caller: { type: 'string', example: '$remote_addr is $arg_name' },
        list: { type: 'array', items: { type: 'integer', example: 1 } },
      }),
    ).toMatchObject({ text: 'a', number: 5.5, whole: 155, truth: false, caller: '192.0.2.1 is "jack"' })
    expect(typeof make({ wrong: { type: 'string', example: 5 } })['wrong']).toBe('string')
    expect(typeof make({ wrong: { type: 'number', example: '5' } })['wrong']).toBe('number')
  })

  it('picks one of an enum', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.7)
    expect(
      make({ state: { type: 'string', enum: ['open', 'held', 'closed'] }, level: { type: 'integer', enum: [1, 2] } }),
    ).toEqual({
      state: 'closed',
      level: 2,
    })
    expect(make({ state: { type: 'boolean', enum: ['a'] } })).toEqual({ state: false })
  })

  it('makes empty objects of those without properties', () => {
    expect(make({ inner: { type: 'object' } })).toEqual({ inner: {} })
    expect(compileMockObject({})(ctx)).toEqual({})
    expect(compileMockObject({ type: 'array' })(ctx)).toEqual({})
  })

  it('keeps names that are special in JavaScript', () => {
    expect(JSON.stringify(make(JSON.parse('{"__proto__":{"type":"integer","example":1}}') as object))).toBe(
      '{"__proto__":1}',
    )
  })
})

describe('checkMockSchema', () => {
  const nested = (depth: number, inner: object): MockSchema =>
    depth === 0 ? inner : { type: 'object', properties: { a: nested(depth - 1, inner) } }

  it('takes what data can be made after', () => {
    expect(check({ properties: { a: { type: 'string', format: 'email' } as MockSchema } })).toBeUndefined()
    expect(check({ type: 'object' })).toBeUndefined()
    expect(check(nested(16, { type: 'string' }))).toBeUndefined()
  })

  it.each([
    [{ properties: { a: {} } }, '/response_schema/properties/a/type', 'must be one of "string"'],
    [{ properties: { a: { type: 'date' } } }, '/response_schema/properties/a/type', 'must be one of "string"'],
    [{ properties: { a: { type: ['string', 'null'] } } }, '/response_schema/properties/a/type', 'must be one of'],
    [{ properties: { a: { type: 'array' } } }, '/response_schema/properties/a', '"items" is missing'],
    [
      { properties: { 'a/b': { type: 'array', items: { type: 'x' } } } },
      '/response_schema/properties/a~1b/items/type',
      'must be',
    ],
    [{ properties: { a: 'string' } }, '/response_schema/properties/a', 'is not a schema'],
    [{ properties: { a: { type: 'string', enum: [] } } }, '/response_schema/properties/a/enum', 'must be a list'],
    [{ properties: [] }, '/response_schema/properties', 'must be an object'],
  ])('finds what is wrong with %j', (schema, path, message) => {
    const found = check(schema)
    expect(found?.path).toBe(path)
    expect(found?.message).toContain(message)
  })

  it('has limits on depth and number', () => {
    expect(check(nested(17, { type: 'string' }))?.message).toContain('more than 16 levels')
    let lists: object = { type: 'integer' }
    for (let level = 0; level < 9; level++) lists = { type: 'array', items: lists }
    expect(check({ properties: { a: lists } })?.message).toContain('more than 10000 values')
  })

  it('wants names that XML has, for XML', () => {
    const schema = { properties: { 'a b': { type: 'string' } } }
    expect(check(schema)).toBeUndefined()
    expect(check(schema, true)?.message).toContain('no name for an XML element')
  })
})
