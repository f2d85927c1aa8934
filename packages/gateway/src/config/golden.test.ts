import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadConfig } from './load.ts'
import { renderProblems } from './render.ts'
import { testPlugins } from './testing/plugins.ts'

const folder = fileURLToPath(new URL('golden/', import.meta.url))
const files = readdirSync(folder).filter((name) => !name.endsWith('.txt'))

/** The only variables there are for these files. */
const environment = { SECRET_URL: 'http://user:secret@127.0.0.1' }

// Each file is wrong; beside it, `NAME.txt` has exactly what a user is shown. After a deliberate change of words:
// `npx vitest run packages/gateway/src/config -u`, and read the difference.
describe('bad files', () => {
  test.each(files)('%s', async (name) => {
    const { problems = [] } = await loadConfig(folder + name, { plugins: testPlugins, environment })
    expect(problems.length).toBeGreaterThan(0)
    const shown = renderProblems(problems.map((problem) => ({ ...problem, file: name }))).replaceAll(folder, '')
    expect(shown).not.toContain('secret@')
    await expect(shown).toMatchFileSnapshot(`golden/${name}.txt`)
  })
})
