import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { loadConfig } from './load.ts'
import { renderProblems } from './render.ts'
import { testPlugins } from './testing/plugins.ts'

const golden = fileURLToPath(new URL('golden/', import.meta.url))
// The suffix keeps formatters and compilers away from files that are wrong on purpose.
const names = readdirSync(golden)
  .filter((name) => name.endsWith('.golden'))
  .map((name) => name.slice(0, -'.golden'.length))

const folder = mkdtempSync(join(tmpdir(), 'sekisho-golden-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The only variables there are for these files. */
const environment = { SECRET_URL: 'http://user:secret@127.0.0.1' }

// Each file is wrong; beside it, `NAME.txt` has exactly what a user is shown. After a deliberate change of words:
// `npx vitest run packages/gateway/src/config -u`, and read the difference.
describe('bad files', () => {
  test.each(names)('%s', async (name) => {
    const file = join(folder, name)
    writeFileSync(file, readFileSync(`${golden}${name}.golden`))
    const { problems = [] } = await loadConfig(file, { plugins: testPlugins, environment })
    expect(problems.length).toBeGreaterThan(0)
    const shown = renderProblems(problems.map((problem) => ({ ...problem, file: name })))
    expect(shown).not.toContain('secret@')
    await expect(shown).toMatchFileSnapshot(`golden/${name}.txt`)
  })
})
