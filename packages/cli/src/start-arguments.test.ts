import { expect, it } from 'vitest'
import { startArguments } from './start-arguments.ts'

it.each([
  [['start'], undefined],
  [['start', '-c', 'a.yaml'], 'a.yaml'],
  [['start', '-ca.yaml'], 'a.yaml'],
  [['start', '--config', 'a.yaml'], 'a.yaml'],
  [['start', '--config=a=b.yaml'], 'a=b.yaml'],
])('%j needs no commander', (args, config) => {
  expect(startArguments(args)).toEqual({ config })
})

it.each([
  [[]],
  [['check', '-c', 'a.yaml']],
  [['start', '--help']],
  [['start', '-c']],
  [['start', '--config=']],
  [['start', '-c', 'a.yaml', 'more']],
  [['start', 'a.yaml']],
  [['start', '-ca.yaml', 'more']],
])('%j is for commander', (args) => {
  expect(startArguments(args)).toBeUndefined()
})
