import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { programOf } from './cargo-build.ts'
import { detectLanguage } from './detect.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'detect-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function files(...names: readonly string[]): Promise<void> {
  await mkdir(join(folder, 'src'), { recursive: true })
  for (const name of names)
    await writeFile(join(folder, name), name.endsWith('.py') ? 'def handler(event, c): ...' : '')
}

it.each([
  [['index.ts'], 'nodejs'],
  [['package.json', 'src/index.ts'], 'nodejs'],
  [['handler.mjs'], 'nodejs'],
  [['Cargo.toml'], 'rust'],
  [['go.mod', 'bootstrap'], 'go'],
  [['bootstrap'], 'files'],
  [['lambda_function.py'], 'python'],
  // For tools of the repository, without an entry.
  [['Cargo.toml', 'package.json'], 'rust'],
])('%s: %s', async (names, language) => {
  await files(...names)
  expect(detectLanguage(folder, {})).toBe(language)
})

it('asks when it cannot be told', async () => {
  await files('index.js', 'handler.py')
  expect(() => detectLanguage(folder, {})).toThrow('has index.js (nodejs) and handler.py (python): say which it is')
  expect(detectLanguage(folder, { runtime: 'python3.13' })).toBe('python')
  expect(detectLanguage(folder, { language: 'nodejs' })).toBe('nodejs')
})

it('says what it looked for', async () => {
  expect(() => detectLanguage(folder, {})).toThrow(/looks like a function: there is no index\.ts.*sekisho fn new/)
  await files('package.json')
  expect(() => detectLanguage(folder, {})).toThrow('name the file by "handler: path/file.function"')
})

it('finds the program among what cargo built', () => {
  const artifact = (name: string, kind: string, executable: string | null): string =>
    JSON.stringify({ reason: 'compiler-artifact', executable, target: { name, kind: [kind] } })
  const library = artifact('serde', 'lib', null)
  expect(programOf([library, artifact('one', 'bin', '/t/one'), 'warning'].join('\n'), '/f', undefined)).toBe('/t/one')
  const two = [artifact('one', 'bin', '/t/one'), artifact('bootstrap', 'bin', '/t/bootstrap')].join('\n')
  expect(programOf(two, '/f', undefined)).toBe('/t/bootstrap')
  expect(programOf(two, '/f', 'one')).toBe('/t/one')
  expect(() => programOf(two, '/f', 'three')).toThrow('no program "three": name one by "bin"')
  expect(() => programOf(library, '/f', undefined)).toThrow('a function needs src/main.rs')
})
