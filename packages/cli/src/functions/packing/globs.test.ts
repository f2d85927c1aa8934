import { expect, it } from 'vitest'
import { globs } from './globs.ts'

it.each([
  ['.git', '.git/config', true],
  ['.git', '.gitignore', false],
  ['.env', 'deep/.env', true],
  ['*.md', 'docs/a.md', true],
  ['*.md', 'a.md.txt', false],
  ['assets/**', 'assets/a/b.svg', true],
  ['assets/*.svg', 'assets/a/b.svg', false],
  ['./assets/', 'assets/a', true],
  ['a/**/z', 'a/z', true],
  ['a/**/z', 'a/b/c/z/file', true],
  ['a+(b)', 'a+(b)', true],
  ['a.b', 'axb', false],
])('%s and %s: %s', (pattern, path, matches) => expect(globs([pattern])(path)).toBe(matches))
