import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { importEnvoy } from './index.ts'

const golden = fileURLToPath(new URL('golden/', import.meta.url))
const documents = readdirSync(golden)
  .filter((name) => name.includes('.envoy.'))
  .map((name) => parse(readFileSync(golden + name, 'utf8')) as unknown)

const junk = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1e300,
    '',
    '*',
    '$',
    '${{X}}',
    '5s',
    'constructor',
    '%REQ(constructor)%',
    '/',
    'a\nb',
    '\u0000',
    ' x',
    '#',
    "'",
    '"\\',
  ),
  fc.constantFrom<unknown>(
    [],
    {},
    [[]],
    [null],
    { '@type': 'a.b.Router' },
    { '@type': 'a.b.constructor' },
    { constructor: {} },
    { exact: 5 },
    { regex: '(' },
    { '~': { '/': 1 } },
  ),
  fc.string({ maxLength: 12 }),
)

/** Puts `value` in place of a part of the document, found by always going to the `turn`-th child. */
function spoil(document: unknown, turns: readonly number[], value: unknown): unknown {
  if (typeof document !== 'object' || document === null || turns.length === 0) return value
  const keys = Object.keys(document)
  if (keys.length === 0) return value
  const key = keys[turns[0] % keys.length]
  const copy = Array.isArray(document) ? [...(document as unknown[])] : { ...document }
  const fields = copy as Record<string, unknown>
  fields[key] = spoil(fields[key], turns.slice(1), value)
  return copy
}

it('never throws, and always writes YAML, whatever stands in the file', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...documents),
      fc.array(fc.nat(20), { minLength: 1, maxLength: 18 }),
      junk,
      (document, turns, value) => {
        const result = importEnvoy('e.json', JSON.stringify(spoil(document, turns, value)))
        if ('failure' in result) return
        expect(parse(result.yaml)).toBeTypeOf('object')
      },
    ),
    { numRuns: 3_000 },
  )
})

it('tells the same thing once', () => {
  for (const document of documents) {
    const result = importEnvoy('e.json', JSON.stringify(document))
    if ('failure' in result) throw new Error(result.failure)
    const lines = result.findings.map(({ kind, path, message }) => `${kind} ${path} ${message}`)
    expect(lines.filter((line, at) => lines.indexOf(line) !== at)).toEqual([])
  }
})
