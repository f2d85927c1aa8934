import { expect, test } from 'vitest'
import { Compile } from 'typebox/schema'
import { parse } from 'yaml'
import { jsonSchemaOfConfig } from './json-schema.ts'
import { testPlugins } from './testing/plugins.ts'

const check = (text: string): boolean => Compile(jsonSchemaOfConfig(testPlugins)).Check(parse(text))

test('it is plain JSON', () => {
  const schema = jsonSchemaOfConfig(testPlugins)
  expect(JSON.parse(JSON.stringify(schema))).toEqual(schema)
  expect(schema).toMatchObject({ type: 'object', additionalProperties: false })
})

test.each([
  ['listen: [8080]\nroutes:\n  - { uri: /a, upstream: "http://a" }\n', true],
  [
    'routes:\n  - { uri: /a, plugins: { limit-count: { count: 1, time_window: 1, _meta: { disable: true } } } }\n',
    true,
  ],
  ['routes:\n  - { uri: /a, plugins: { limit-count: { count: 0, time_window: 1 } } }\n', false],
  ['routes:\n  - { uri: /a, plugins: { nothing: {} } }\n', false],
  ['routes:\n  - { uri: /a, plugins: { key-auth: { key: x } } }\n', false],
  ['consumers:\n  - { username: jack, plugins: { key-auth: { key: x } } }\n', true],
  ['plugin_metadata:\n  - { id: limit-count, limit_header: X }\n', true],
  ['plugin_metadata:\n  - { id: key-auth }\n', false],
  ['rout: []\n', false],
  ['routes:\n', true],
])('%j: %s', (text, valid) => {
  expect(check(text)).toBe(valid)
})

test('without plugins, any is accepted', () => {
  expect(Compile(jsonSchemaOfConfig()).Check({ routes: [{ uri: '/a', plugins: { mine: {} } }] })).toBe(true)
})
