import { expect, it } from 'vitest'
import { packagePath, PathTree } from './path-tree.ts'

it.each([
  ['a', 'a'],
  ['a/b', 'a/b'],
  ['./a//b/', 'a/b'],
  ['./', ''],
  ['a/./b', 'a/b'],
  ['..a', '..a'],
  ['a...', 'a...'],
  ['関所/ä', '関所/ä'],
])('takes %j as %j', (name, path) => expect(packagePath(name)).toBe(path))

it.each(['../a', 'a/../b', 'a/..', '..', '/a', '//a', 'C:/a', 'c:\\a', 'a\0b', 'x'.repeat(256), 'x/'.repeat(2_000)])(
  'refuses %j',
  (name) => expect(packagePath(name)).toBeUndefined(),
)

it('knows folders that are not named, parents first', () => {
  const tree = new PathTree()
  for (const path of ['a/b/c', 'd', 'a/e/f']) expect(tree.add(path, 'file')).toBeUndefined()
  expect(tree.directories()).toEqual(['a', 'a/b', 'a/e'])
})

it.each([
  [['a', 'a'], 'a is in the package twice'],
  [['a/b', 'a'], 'a is in the package twice'],
  [['a', 'a/b'], 'a/b is in a, which is not a folder'],
  [['a/b', 'a/b/c'], 'a/b/c is in a/b, which is not a folder'],
])('refuses files %j', (paths, problem) => {
  const tree = new PathTree()
  const problems = paths.map((path) => tree.add(path, 'file'))
  expect(problems.at(-1)).toBe(problem)
})

it('takes a folder that is named twice', () => {
  const tree = new PathTree()
  expect(tree.add('a/b', 'file')).toBeUndefined()
  expect(tree.add('a', 'directory')).toBeUndefined()
  expect(tree.add('a', 'directory')).toBeUndefined()
})

it('refuses files that are written through a link', () => {
  const tree = new PathTree()
  tree.add('a', { link: 'b' })
  expect(tree.add('a/c', 'file')).toBe('a/c is in a, which is not a folder')
})

const stray = (links: Record<string, string>, files: string[] = []) => {
  const tree = new PathTree()
  for (const file of files) tree.add(file, 'file')
  for (const [path, link] of Object.entries(links)) expect(tree.add(path, { link })).toBeUndefined()
  return tree.strayLink()
}

it('lets links stay inside', () => {
  expect(stray({ a: 'b' })).toBeUndefined()
  expect(stray({ 'a/b': '../c', 'd/e/f': '../../a/b' })).toBeUndefined()
  expect(stray({ 'lib/libx.so': 'libx.so.1', 'lib/libx.so.1': 'libx.so.1.2' }, ['lib/libx.so.1.2'])).toBeUndefined()
})

it.each([
  ['up', { a: '../b' }],
  ['far up', { 'a/b/c': '../../../d' }],
  ['absolute', { a: '/etc/passwd' }],
  ['empty', { a: '' }],
  ['by another link: "." and then up', { b: '.', c: 'b/../x' }],
  ['by a link that is deeper than it looks', { 'a/b': '..', c: 'a/b/../x' }],
  ['in a circle', { a: 'b', b: 'a' }],
  ['to itself', { a: 'a' }],
])('finds links that leave: %s', (_, links) => expect(stray(links)).toMatch(/leaves the package/))
