import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { readYaml } from '../../config/yaml/read-yaml.ts'
import type { Fields } from './noted.ts'
import { renderYaml } from './render-yaml.ts'

it('puts small things on one line and large ones below each other', () => {
  const lists = {
    upstreams: [{ notes: ['Look here.'], fields: { id: 'a', nodes: { 'h:1': 1 }, tls: { ca: 'one\ntwo\n' } } }],
    services: [],
    routes: [{ notes: [], fields: { id: 1, uri: '/*', vars: [['a', '==', null]], plugins: { p: {} } } }],
  }
  expect(renderYaml(['Head.'], { listen: [8080], limits: { max_body_bytes: 1 } }, lists)).toBe(`# Head.
listen: [8080]
limits: { max_body_bytes: 1 }

upstreams:
  # Look here.
  - id: a
    nodes: { "h:1": 1 }
    tls:
      ca: |
        one
        two

routes:
  - id: 1
    uri: /*
    vars:
      - [a, "==", null]
    plugins: { p: {} }
`)
})

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    '',
    'true',
    'Null',
    '~',
    '1',
    '1e3',
    '0x1f',
    '.5',
    '-',
    '- a',
    'a: b',
    '#',
    'a #b',
    '*',
    '&a',
    '!t',
    '|',
    '>',
    '%',
    '@',
    '`',
  ),
  fc.constantFrom(
    'a\nb',
    'a\n',
    'a\n\n',
    '\na',
    ' a',
    'a ',
    '\ta\nb',
    'a\r\nb',
    "it's",
    '\\d+',
    "'\\",
    '"',
    'yes',
    'on',
    '2026-11-21',
    '=',
    '<<',
    '...',
    '---',
  ),
)
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.constantFrom(null, true, false, 0, 1.5, -3),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(text, tie('any'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).any

it('is read as what was written', () => {
  fc.assert(
    fc.property(fc.dictionary(text, value, { minKeys: 1, maxKeys: 5, noNullPrototype: true }), (fields: Fields) => {
      fc.pre(!JSON.stringify(fields).includes('__proto__') && !('<<' in fields))
      const yaml = renderYaml([], {}, { routes: [{ notes: [], fields }] })
      expect((parse(yaml) as { routes: unknown[] }).routes[0], yaml).toEqual(fields)
    }),
    { numRuns: 2_000 },
  )
})

it('is read by our own reader', () => {
  const fields = { id: 'a', key: '-----BEGIN\nx\n-----END\n', list: ['a b', 'c\nd'] }
  const read = readYaml('a.yaml', renderYaml([], {}, { routes: [{ notes: [], fields }] }), {})
  expect('source' in read && read.source.value).toMatchObject({ routes: [fields] })
})
