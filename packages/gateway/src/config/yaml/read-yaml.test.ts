import { describe, expect, test } from 'vitest'
import { readYaml } from './read-yaml.ts'
import { countValues } from './weight.ts'

const read = (text: string, environment = {}) => {
  const result = readYaml('a.yaml', text, environment)
  if (!('source' in result)) throw new Error(result.findings.map(({ message }) => message).join(', '))
  return result.source
}

const text = `listen:
  - 8080
routes:
  - id: 1
    plugins: { limit-count: { count: 0 } }
  - uri: \${{PATH_PREFIX:=/api}}/x # ${'a comment'}
    upstream:
`

describe('places', () => {
  const source = read(text)

  test.each([
    ['/listen/0', 2, 5],
    ['/routes/0', 4, 5],
    ['/routes/0/id', 4, 9],
    ['/routes/0/plugins/limit-count/count', 5, 38],
    ['/routes/1/uri', 6, 10],
    // Nothing there: the nearest part around it.
    ['/routes/0/plugins/limit-count/time_window', 5, 29],
    ['/routes/7', 4, 3],
    ['/nothing', 1, 1],
  ])('of %s', (path, line, column) => {
    expect(source.locate(path, false)).toMatchObject({ line, column })
  })

  test('of keys', () => {
    expect(source.locate('/routes/0/plugins/limit-count', true)).toMatchObject({ line: 5, column: 16 })
    expect(source.locate('/routes', true)).toMatchObject({ line: 3, column: 1, source: 'routes:' })
  })

  test('of what the environment filled in: as it is written', () => {
    expect(source.value).toMatchObject({ routes: [{}, { uri: '/api/x', upstream: null }] })
    expect(source.locate('/routes/1/uri', false).written).toBe('${{PATH_PREFIX:=/api}}/x')
  })
})

test('the library and the plain reader give the same places', () => {
  const byLibrary = read(`${text}x: &anchor 1\n`)
  expect(byLibrary.locate('/routes/0/plugins/limit-count/count', false)).toEqual(
    read(text).locate('/routes/0/plugins/limit-count/count', false),
  )
})

test('merge keys and aliases are followed', () => {
  expect(read('a: &a { x: 1, y: 1 }\nb: { <<: *a, y: 2 }\nc: *a\n').value).toEqual({
    a: { x: 1, y: 1 },
    b: { x: 1, y: 2 },
    c: { x: 1, y: 1 },
  })
})

test('an alias may be used as often as there are routes', () => {
  const routes = Array.from({ length: 1000 }, (_, index) => `  - { uri: /${index}, upstream: *u }`).join('\n')
  const { value } = read(`upstream: &u { nodes: {} }\nroutes:\n${routes}\n`)
  expect((value as { routes: unknown[] }).routes).toHaveLength(1000)
})

test.each([
  ['nesting without end', '['.repeat(50_000)],
  ['an alias inside its own anchor', 'a: &a [*a]\n'],
])('%s is refused', (_what, content) => {
  expect(readYaml('a.yaml', content, {})).toHaveProperty('findings')
})

test('values behind shared branches are counted without walking them again', () => {
  let value: unknown = ['x']
  for (let level = 0; level < 40; level++) value = [value, value]
  expect(countValues(value)).toBeGreaterThan(1e12)
  const own: unknown[] = []
  own.push(own)
  expect(countValues(own)).toBe(Infinity)
})
