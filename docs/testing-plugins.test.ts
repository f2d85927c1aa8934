import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { transformSync } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { guides, placeOf, ROOT } from './testing/markdown.ts'
import { isPlugin } from './testing/plugin-blocks.ts'

const run = promisify(execFile)
const pageOf = (name: string) => guides().find(({ path }) => path === join('docs', name))!
const tests = ['testing-plugins.md', 'writing-a-plugin.md'].flatMap((name) =>
  pageOf(name).blocks.filter(({ language, text }) => language === 'ts' && text.includes('node:test')),
)

/** A project of a reader: the plugins of one page, the tests of the other, the gateway installed. */
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-docs-'))
  mkdirSync(join(folder, 'plugins'))
  mkdirSync(join(folder, 'node_modules/@sekisho'), { recursive: true })
  symlinkSync(join(ROOT, 'packages/gateway'), join(folder, 'node_modules/@sekisho/gateway'))
  for (const { text } of pageOf('writing-a-plugin.md').blocks.filter(isPlugin)) {
    const name = /name: '([^']+)'/.exec(text)?.[1]
    writeFileSync(join(folder, `plugins/${name}.ts`), text)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each(tests.map((block) => [placeOf(block), block] as const))('the tests at %s pass', async (place, { text }) => {
  const file = join(folder, `${place.replaceAll(/\W+/g, '-')}.test.mjs`)
  // Node 20 has no types.
  writeFileSync(file, transformSync(text, { loader: 'ts', format: 'esm' }).code)
  const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', file], { cwd: folder }).catch(
    (error: { stdout: string }) => error,
  )
  expect(stdout).toMatch(/^# pass [1-9]/m)
  expect(stdout).toMatch(/^# fail 0$/m)
})

test('there are some', () => expect(tests.length).toBeGreaterThan(5))
