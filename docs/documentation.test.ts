import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfigText } from '../packages/gateway/src/config/load.ts'
import { renderProblems } from '../packages/gateway/src/config/render.ts'
import { PluginRegistry } from '../packages/gateway/src/plugins/plugin-registry.ts'
import { namedFilter } from '../packages/gateway/src/wasm/named-filter.ts'
import { AUTHORITY } from '../packages/gateway/src/tls/testing/authorities.ts'
import { ALICE } from '../packages/gateway/src/tls/testing/client-certificates.ts'
import { A_RSA_CERTIFICATE, A_RSA_KEY } from '../packages/gateway/src/tls/testing/rsa-certificate.ts'
import { A_CERTIFICATE, KEY } from '../packages/gateway/src/tls/testing/server-certificates.ts'
import { refusalCodes } from '@sekisho/wire'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anchorsOf, guides, pages, placeOf, relativeLinks, ROOT } from './testing/markdown.ts'
import { documentedPlugins } from './testing/plugin-blocks.ts'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

describe('links', () => {
  test.each(pages().map((page) => [page.path, page] as const))('%s', (_path, page) => {
    const broken = relativeLinks(page).filter(({ file, anchor }) => {
      if (!existsSync(join(ROOT, file))) return true
      return anchor !== undefined && !(file.endsWith('.md') && anchorsOf(read(file)).has(anchor))
    })
    expect(broken.map(({ target }) => target)).toEqual([])
  })

  test('every page of docs can be reached from its table of contents', () => {
    const reached = new Set<string>()
    const todo = ['docs/README.md']
    const all = new Map(pages().map((page) => [page.path, page]))
    for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
      const page = all.get(path)
      if (page === undefined || reached.has(path)) continue
      reached.add(path)
      for (const { file } of relativeLinks(page)) todo.push(file)
    }
    expect([...all.keys()].filter((path) => !reached.has(path))).toEqual([])
  })
})

describe('configurations', () => {
  // The files that the examples name.
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-docs-'))
  const files = {
    'chain.pem': A_CERTIFICATE,
    'key.pem': KEY,
    'rsa-chain.pem': A_RSA_CERTIFICATE,
    'rsa-key.pem': A_RSA_KEY,
    'own-chain.pem': ALICE,
    'own-key.pem': KEY,
    'clients-ca.pem': AUTHORITY,
    'upstream-ca.pem': AUTHORITY,
  }
  mkdirSync(join(folder, 'tls'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'tls', name), text)
  afterAll(() => rmSync(folder, { recursive: true }))

  const plugins = new PluginRegistry()
  beforeAll(async () => {
    await plugins.loadAll()
    for (const definition of (await documentedPlugins()).values()) plugins.set(definition)
    // docs/wasm.md: loaded with the settings of a node, which are not read here.
    plugins.set(namedFilter({ name: 'house_rules', priority: 7999, file: 'examples/wasm/house-rules.wasm' }))
  })

  const documents = guides().flatMap(({ blocks }) => blocks.filter(({ language }) => language === 'yaml'))
  test.each(documents.map((block) => [placeOf(block), block.text] as const))('%s is valid', async (_place, text) => {
    const { problems } = await loadConfigText(join(folder, 'sekisho.yaml'), text, { plugins, environment: {} })
    expect(renderProblems(problems ?? [])).toBe('')
  })

  test('there are some', () => expect(documents.length).toBeGreaterThan(10))
})

describe('parts made from the source', () => {
  // Needs built packages, as every command of the README makes them.
  test.each(['scripts/config-docs.mjs', 'scripts/code-docs.mjs'])('%s has nothing to write', (script) => {
    expect(execFileSync(process.execPath, [join(ROOT, script), '--check'], { encoding: 'utf8' })).toContain(
      'up to date',
    )
  })
})

describe('tables are complete', () => {
  /** What stands in backquotes in the first column of the tables of a part of a page. */
  const firstColumn = (text: string): Set<string> =>
    new Set(
      [...text.matchAll(/^\| ([^|]*) \|/gm)].flatMap(([, cell = '']) =>
        [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
      ),
    )
  const part = (text: string, heading: string): string => text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''

  test('refusal codes', () => {
    expect(firstColumn(part(read('docs/http1.md'), 'What is refused'))).toEqual(new Set(refusalCodes()))
  })

  test('error codes of the proxy', () => {
    const codes = new Set(
      ['packages/proxy/src/proxy-error.ts', 'packages/wire/src/errors.ts'].flatMap((file) =>
        [...read(file).matchAll(/^ {2}\| '([A-Z_]+)'$/gm)].map(([, code = '']) => code),
      ),
    )
    expect(codes.size).toBeGreaterThan(15)
    expect(
      [...firstColumn(part(read('docs/observability.md'), 'Error codes'))].filter((name) => codes.has(name)).sort(),
    ).toEqual([...codes].sort())
  })

  test('variables', () => {
    const source = read('packages/gateway/src/variables/variables.ts')
    const names = (table: string): string[] =>
      [...(source.split(`const ${table}`)[1]?.split('\n}')[0] ?? '').matchAll(/^ {2}(\w+):\s/gm)].map(
        ([, name = '']) => name,
      )
    const expected = [...names('READERS'), ...names('FAMILIES').map((prefix) => `${prefix}NAME`)]
    expect(expected.length).toBeGreaterThan(40)
    const documented = firstColumn(part(read('docs/routing.md'), 'Variables'))
    expect([...documented].sort()).toEqual(expected.sort())
  })

  test('limits of the framework', () => {
    const source = read('packages/wire/src/limits.ts').split('export const')[0] ?? ''
    const names = [...source.matchAll(/readonly (\w+): number/g)].map(([, name = '']) => name)
    const text = part(read('docs/framework.md'), 'Options of a proxy')
    expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([])
  })
})
