import './compiled.ts'
import { type TSchema, Type } from '../schema/type.ts'
import { expect, test } from 'vitest'
import { withDefaults } from './defaults.ts'
import { Upstream } from './upstream.ts'

test('missing fields are filled where their parent is, and the value is left as it was', () => {
  const value = { nodes: [{ host: 'a', weight: 1 }], checks: { active: { healthy: {} } } }
  const before = structuredClone(value)
  expect(withDefaults(Upstream, value)).toMatchObject({
    type: 'roundrobin',
    pass_host: 'pass',
    nodes: [{ host: 'a', weight: 1, priority: 0 }],
    checks: { active: { http_path: '/', healthy: { interval: 1, http_statuses: [200, 302], successes: 2 } } },
  })
  expect(value).toEqual(before)
  expect(withDefaults(Upstream, value)).not.toHaveProperty('keepalive_pool')
})

test('null, false and 0 are values', () => {
  const schema = Type.Object({
    a: Type.Unknown({ default: 1 }),
    b: Type.Unknown({ default: 1 }),
    c: Type.Unknown({ default: 1 }),
  })
  expect(withDefaults(schema, { a: null, b: false, c: 0 })).toEqual({ a: null, b: false, c: 0 })
})

test('a default that is an object has defaults of its own, and is a new object each time', () => {
  const schema = Type.Object({ a: Type.Object({ b: Type.Array(Type.Integer(), { default: [1] }) }, { default: {} }) })
  const first = withDefaults(schema, {}) as { a: { b: number[] } }
  expect(first).toEqual({ a: { b: [1] } })
  first.a.b.push(2)
  expect(withDefaults(schema, {})).toEqual({ a: { b: [1] } })
})

test('plain JSON Schema: alternatives, conditions, patterns, tuples', () => {
  // As it comes from a file: written here as an object, `then` would make it look like a promise.
  const plain = Type.Unsafe<unknown>(
    JSON.parse(`{
      "type": "object",
      "patternProperties": { "^x-": { "type": "object", "properties": { "p": { "default": "pattern" } } } },
      "additionalProperties": { "type": "object", "properties": { "p": { "default": "other" } } },
      "properties": {
        "kind": { "default": "a" },
        "tuple": {
          "prefixItems": [{ "properties": { "first": { "default": 1 } } }],
          "items": { "properties": { "rest": { "default": 2 } } }
        },
        "either": {
          "oneOf": [
            { "properties": { "type": { "const": "one" }, "n": { "default": 1 } } },
            { "properties": { "type": { "const": "two" }, "n": { "default": 2 } } }
          ]
        }
      },
      "if": { "required": ["either"] },
      "then": { "properties": { "when": { "default": true } } },
      "else": { "properties": { "else": { "default": true } } },
      "allOf": [{ "properties": { "all": { "default": "all" } } }]
    }`) as TSchema,
  )
  expect(withDefaults(plain, { tuple: [{}, {}], either: { type: 'two' }, 'x-1': {}, y: {} })).toEqual({
    kind: 'a',
    tuple: [{ first: 1 }, { rest: 2 }],
    either: { type: 'two', n: 2 },
    when: true,
    all: 'all',
    'x-1': { p: 'pattern' },
    y: { p: 'other' },
  })
  expect(withDefaults(plain, {})).toEqual({ kind: 'a', else: true, all: 'all' })
})
