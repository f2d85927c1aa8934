import { expect, test } from 'vitest'
import { guides } from './testing/markdown.ts'
import { typeErrors } from './testing/type-check.ts'

const blocks = guides().flatMap((page) => page.blocks.filter(({ language }) => language === 'ts'))

test('the TypeScript of the documentation compiles against the built packages', () => {
  expect(blocks.length).toBeGreaterThan(10)
  expect(typeErrors(blocks)).toEqual([])
})

test('few of its blocks are not run', () => {
  expect(blocks.filter(({ marks }) => marks.includes('no-run')).length).toBeLessThanOrEqual(2)
})
