import { expect, test } from 'vitest'
import { namesOf, SniTable } from './sni.ts'

const table = (...names: string[]): SniTable<string> => {
  const made = new SniTable<string>()
  for (const name of names) made.set(name, name)
  return made
}

test.each([
  ['a.test', 'a.test'],
  ['b.a.test', '*.a.test'],
  ['exact.a.test', 'exact.a.test'],
  ['c.b.a.test', undefined],
  ['.a.test', undefined],
  ['test', undefined],
  ['', undefined],
  ['*.a.test', '*.a.test'],
  ['xa.test', undefined],
])('%j finds %j', (name, found) => {
  expect(table('a.test', '*.a.test', 'exact.a.test').find(name)).toBe(found)
})

test('"*" is for what has no other certificate, and for clients that name nothing', () => {
  const names = table('a.test', '*.a.test', '*')
  expect(['a.test', 'x.a.test', 'y.x.a.test', 'other', ''].map((name) => names.find(name))).toEqual([
    'a.test',
    '*.a.test',
    '*',
    '*',
    '*',
  ])
})

test.each(['a.test', '*.a.test', '*'])('%s given back by one that lost it stays where it is', (name) => {
  const names = new SniTable<string>()
  const asked = name.replace('*', 'any')
  names.set(name, 'old')
  names.set(name, 'new')
  names.remove(name, 'old')
  expect(names.find(asked)).toBe('new')
  names.remove(name, 'new')
  expect(names.find(asked)).toBeUndefined()
})

test('names are compared in lower case', () => {
  expect(namesOf({ sni: 'A.Test' })).toEqual(['a.test'])
  expect(namesOf({ snis: ['A.test', '*.B.test'] })).toEqual(['a.test', '*.b.test'])
  expect(namesOf({})).toEqual([])
})
