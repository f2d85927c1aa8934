import { describe, expect, test } from 'vitest'
import { substituteEnvironment } from './environment.ts'
import { resolveReferences } from './env-references.ts'
import { Findings } from './problem.ts'

describe('substitution in the text', () => {
  test('variables and defaults, with spaces', () => {
    const { text, findings } = substituteEnvironment('a: ${{ A }}\nb: ${{B:=two words}}\nc: "${{C := }}"\n', { A: '1' })
    expect(text).toBe('a: 1\nb: two words\nc: ""\n')
    expect(findings).toEqual([])
  })

  test('a set variable wins over the default, even when it is empty', () => {
    expect(substituteEnvironment('${{A:=x}}', { A: '' }).text).toBe('')
  })

  test('comment lines are left alone', () => {
    expect(substituteEnvironment('  # ${{A}}\n', {})).toMatchObject({ text: '  # ${{A}}\n', findings: [] })
  })

  test('what is not set, or would change the structure, is reported where it stands', () => {
    const { findings } = substituteEnvironment('a: 1\nb: ${{A}}\nc: ${{B}}\n', { B: 'x\nroutes: []' })
    expect(findings.map(({ message, place }) => [message, place.line, place.column])).toEqual([
      ['environment variable "A" is not set', 2, 4],
      ['environment variable "B" holds a line break, which would change the structure of the file', 3, 4],
    ])
  })

  test('offsets lead back to the text as it was written', () => {
    const written = 'a: ${{A}} b: ${{B}} c'
    const substituted = substituteEnvironment(written, { A: 'long value', B: '' })
    const { text } = substituted
    expect(text).toBe('a: long value b:  c')
    for (const mark of ['a:', 'b:', ' c']) expect(substituted.original(text.indexOf(mark))).toBe(written.indexOf(mark))
    expect(substituted.original(text.indexOf('value'))).toBe(written.indexOf('${{A}}'))
    expect(substituted.replaced(3, 4)).toBe(true)
    expect(substituted.replaced(0, 3)).toBe(false)
  })
})

describe('$env:// references', () => {
  const resolve = (value: unknown, environment: Record<string, string>): [unknown, string[]] => {
    const findings = new Findings()
    const resolved = resolveReferences(value, environment, '/admin', findings)
    return [resolved, findings.list.map(({ path, message }) => `${path} ${message}`)]
  }

  test('whole texts are replaced, at any depth, and stay text', () => {
    const value = { keys: [{ key: '$env://KEY' }], other: 'x $env://KEY', number: 1 }
    expect(resolve(value, { KEY: '12' })).toEqual([{ keys: [{ key: '12' }], other: 'x $env://KEY', number: 1 }, []])
  })

  test('a path reads a field of JSON', () => {
    expect(resolve('$env://S/db/password', { S: '{"db":{"password":"p"}}' })).toEqual(['p', []])
    expect(resolve('$env://S/db', { S: '{"db":{}}' })[1]).toEqual([
      '/admin environment variable "S" is not JSON with text at "db"',
    ])
    expect(resolve('$env://S/db', { S: 'no JSON' })[1]).toHaveLength(1)
  })

  test('a missing variable is reported', () => {
    expect(resolve(['$env://NO'], {})[1]).toEqual(['/admin/0 environment variable "NO" is not set'])
  })
})
