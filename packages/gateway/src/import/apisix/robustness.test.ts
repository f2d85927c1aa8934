import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { importApisix } from './index.ts'

const golden = fileURLToPath(new URL('golden/', import.meta.url))
const documents = readdirSync(golden)
  .filter((name) => name.includes('.apisix.'))
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
    '$env://A/b',
    '${{X}}',
    '/',
    'a\nb',
    '\u0000',
    '#',
    "'",
    '"\\',
  ),
  fc.constantFrom<unknown>(
    [],
    {},
    [[]],
    [null],
    { a: 1 },
    { '~': { '/': 1 } },
    { nodes: [] },
    { jwt: {} },
    'routes',
    65_536,
  ),
  fc.string({ maxLength: 12 }),
)

/** Puts `value` in place of a part of the document, found by always going to the `turn`-th child. */
function spoil(document: unknown, turns: readonly number[], value: unknown): unknown {
  if (typeof document !== 'object' || document === null || turns.length === 0) return value
  const keys = Object.keys(document)
  if (keys.length === 0) return value
  const key = keys[turns[0]! % keys.length]!
  const copy = Array.isArray(document) ? [...(document as unknown[])] : { ...document }
  const fields = copy as Record<string, unknown>
  fields[key] = spoil(fields[key], turns.slice(1), value)
  return copy
}

it('never throws, and always writes YAML, whatever stands in the file', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...documents),
      fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }),
      junk,
      async (document, turns, value) => {
        const result = await importApisix('a.json', JSON.stringify(spoil(document, turns, value)))
        if ('failure' in result) return
        expect(parse(result.yaml)).toBeTypeOf('object')
      },
    ),
    { numRuns: 500 },
  )
})

it('leaves out a stream route that lost its guard', async () => {
  const text = JSON.stringify({
    upstreams: [{ id: 'a', scheme: 'tcp', type: 'roundrobin', nodes: { '10.0.0.1:5432': 1 } }],
    stream_routes: [{ id: 'open', server_port: 5432, upstream_id: 'a', plugins: { 'ip-restriction': '' } }],
  })
  const result = await importApisix('a.json', text)
  expect('failure' in result ? result.failure : parse(result.yaml)).not.toHaveProperty('stream_routes')
})

it('tells the same thing once', async () => {
  for (const document of documents) {
    const result = await importApisix('a.json', JSON.stringify(document))
    if ('failure' in result) throw new Error(result.failure)
    const lines = result.findings.map(({ kind, path, message }) => `${kind} ${path} ${message}`)
    expect(lines.filter((line, at) => lines.indexOf(line) !== at)).toEqual([])
  }
})

it.each([
  [
    'a.yaml',
    'hello\n',
    'a.yaml  is no configuration of APISIX: it has neither lists as "routes" nor answers of its Admin API',
  ],
  [
    'a.json',
    '{"list":[]}',
    'a.json  is no configuration of APISIX: it has neither lists as "routes" nor answers of its Admin API',
  ],
  ['a.yaml', 'routes: {\n', expect.stringMatching(/^a\.yaml:\d+:\d+ {2}/)],
  ['a.json', '{"routes": }', expect.stringMatching(/^a\.json:1:\d+ {2}/)],
])('%s %j: says why it cannot be read', async (file, text, failure) => {
  expect(await importApisix(file, text)).toEqual({ failure })
})
