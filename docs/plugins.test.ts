// Every plugin of the catalogue has a worked example in its doc comment, and each of them is run here: testing/README.md says how they are written.
import { describe, expect, test } from 'vitest'
import { builtInNames } from '../packages/gateway/src/plugins/built-in.ts'
import { runExample, workedExamples } from './testing/worked-examples.ts'

/** Plugins whose example is not written yet. The list gets shorter, never longer. */
const UNFINISHED: readonly string[] = []

describe('the worked example of', () => {
  test.each(builtInNames())('%s does what it says', async (name) => {
    const examples = workedExamples(name)
    if (UNFINISHED.includes(name)) expect(examples).toEqual([])
    else expect(examples.length, `${name}.ts has no sh block behind a yaml block in its doc comment`).toBeGreaterThan(0)
    for (const example of examples) {
      await runExample(example).catch((error: unknown) => {
        throw new Error(`${example.place}: ${error instanceof Error ? error.message : String(error)}`)
      })
    }
  })
})
