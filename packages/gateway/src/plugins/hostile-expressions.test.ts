import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfigText } from '../config/load.ts'
import { AUTHORITY } from '../tls/testing/authorities.ts'
import { A_CERTIFICATE, KEY } from '../tls/testing/server-certificates.ts'
import { PluginRegistry } from './plugin-registry.ts'

const HOSTILE = '^(a+)+$'
const LONG = 'a'.repeat(4097)

const folder = mkdtempSync(join(tmpdir(), 'sekisho-hostile-'))
const plugins = new PluginRegistry()
beforeAll(() => plugins.loadAll())
afterAll(() => rmSync(folder, { recursive: true }))

const route = (fields: object): object => ({
  routes: [{ id: 'a', uri: '/*', upstream: { nodes: { '127.0.0.1:1980': 1 } }, ...fields }],
})
const plugin = (name: string, config: object): object => route({ plugins: { [name]: config } })

/** Every place where a regular expression can be written. */
const PLACES: readonly [place: string, make: (expression: string) => object][] = [
  ['/routes/0/vars/0/2', (regex) => route({ vars: [['arg_a', '~~', regex]] })],
  ['/routes/0/vars/0/2', (regex) => route({ vars: [['arg_a', '~*', regex]] })],
  ['_meta/filter/0/2', (regex) => plugin('echo', { body: 'x', _meta: { filter: [['arg_a', '~~', regex]] } })],
  [
    'vars/0/0/2',
    (regex) => plugin('fault-injection', { abort: { http_status: 503, vars: [[['arg_a', '~~', regex]]] } }),
  ],
  ['proxy-rewrite/regex_uri/0', (regex) => plugin('proxy-rewrite', { regex_uri: [regex, '/b'] })],
  ['redirect/regex_uri/0', (regex) => plugin('redirect', { regex_uri: [regex, '/b'] })],
  ['cors/allow_origins_by_regex/0', (regex) => plugin('cors', { allow_origins_by_regex: [regex] })],
  ['cors/timing_allow_origins_by_regex/0', (regex) => plugin('cors', { timing_allow_origins_by_regex: [regex] })],
  ['ua-restriction/denylist/0', (regex) => plugin('ua-restriction', { denylist: [regex] })],
  ['response-rewrite/filters/0/regex', (regex) => plugin('response-rewrite', { filters: [{ regex, replace: 'x' }] })],
  ['response-rewrite/vars/0/2', (regex) => plugin('response-rewrite', { body: 'x', vars: [['arg_a', '~~', regex]] })],
  [
    'request-validation/body_schema/items/pattern',
    (regex) => plugin('request-validation', { body_schema: { items: { pattern: regex } } }),
  ],
  [
    'request-validation/header_schema/patternProperties/',
    (regex) => plugin('request-validation', { header_schema: { patternProperties: { [regex]: true } } }),
  ],
  [
    'data-mask/request/0/regex',
    (regex) => plugin('data-mask', { request: [{ type: 'query', name: 'a', action: 'regex', regex, value: 'x' }] }),
  ],
  [
    '/ssls/0/client/skip_mtls_uri_regex/0',
    (regex) => ({
      ssls: [
        {
          id: 'a',
          sni: 'a.test',
          cert: A_CERTIFICATE,
          key: KEY,
          client: { ca: AUTHORITY, skip_mtls_uri_regex: [regex] },
        },
      ],
    }),
  ],
]

const problemsOf = async (document: object): Promise<readonly { path: string; message: string }[]> =>
  (await loadConfigText(join(folder, 'sekisho.json'), JSON.stringify(document), { plugins })).problems ?? []

describe('a hostile regular expression is refused', () => {
  it.each(PLACES)('at %s', async (place, make) => {
    expect(await problemsOf(make('^a+$'))).toEqual([])
    const [problem] = await problemsOf(make(HOSTILE))
    expect(problem.path).toContain(place)
    expect(problem.message).toContain('can take exponential time: "(a+)+" can match the same text in several ways')
    const [long] = await problemsOf(make(LONG))
    expect(long.path).toContain(place)
    expect(long.message).toMatch(/4,?096/)
  })

  it('with the options that it is run with', async () => {
    const filter = (options: string): object =>
      plugin('response-rewrite', { filters: [{ regex: '(?:.|\\n)+;$', replace: 'x', options }] })
    expect(await problemsOf(filter('jo'))).toEqual([])
    expect((await problemsOf(filter('jos')))[0].message).toContain('exponential')
  })
})
