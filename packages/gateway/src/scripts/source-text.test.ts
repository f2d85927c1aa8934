import { Script } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { MAX_SOURCE_LENGTH, programOf, sourceProblem } from './source-text.ts'

describe('the text of a function', () => {
  it.each([
    ['an arrow', '(a) => a + 1'],
    ['with a semicolon', '(a) => a + 1;\n'],
    ['with a comment', '// adds\n(a) => a + 1 // one'],
    ['a declaration', 'function add(a) { return a + 1 }'],
    ['a program', 'const one = 1\nexport default (a) => a + one'],
    ['a program in one line', 'const one = 1; export default function add(a) { return a + one }'],
    ['a text that speaks of exports', 'export default (a) => `\nexport ${a}`.length - 8 + a - 0'],
  ])('%s', (_name, source) => {
    expect(sourceProblem(source)).toBeUndefined()
    const add = new Script(programOf(source)).runInThisContext() as (a: number) => number
    expect(add(1)).toBe(2)
  })

  it.each([
    ['return function(conf, ctx) end', 'is Lua'],
    ['-- why\nlocal core = require("apisix.core")\nreturn function() end', 'is Lua'],
    ['return function()\n  if a then return 1 end\nend', 'is Lua'],
    ['', 'is empty'],
    [' \n', 'is empty'],
    ['(session) => {\n\n  retrun 1\n}', '(line 3)'],
    ['(() => {', 'is not a JavaScript function'],
    ['import fs from "fs"\nexport default () => fs', 'is not a JavaScript function'],
    [`() => '${'a'.repeat(MAX_SOURCE_LENGTH)}'`, 'has more than 262144 characters'],
  ])('is refused: %.40s', (source, problem) => {
    expect(sourceProblem(source)).toContain(problem)
  })

  it('keeps the numbers of its lines', () => {
    const source = 'const a = 1\n\nexport default () => { throw new Error() }'
    const run = new Script(programOf(source), { filename: 'functions[0]' }).runInThisContext() as () => void
    expect(run).toThrow()
    try {
      run()
    } catch (error) {
      expect((error as Error).stack).toContain('functions[0]:3:')
    }
  })
})
