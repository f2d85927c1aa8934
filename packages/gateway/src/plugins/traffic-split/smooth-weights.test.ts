import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SmoothWeights } from './smooth-weights.ts'

const turns = (weights: readonly number[], count: number): number[] => {
  const smooth = new SmoothWeights(weights)
  return Array.from({ length: count }, () => smooth.next())
}

test('spreads evenly', () => {
  expect(turns([5, 1, 1], 7)).toEqual([0, 0, 1, 0, 2, 0, 0])
  expect(turns([1], 3)).toEqual([0, 0, 0])
  expect(turns([0, 2], 3)).toEqual([1, 1, 1])
})

test('gives each its weight in every round, and never is further off than one turn', () => {
  const weights = fc
    .array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 })
    .filter((list) => list.some((weight) => weight > 0))
  fc.assert(
    fc.property(weights, (list) => {
      const total = list.reduce((sum, weight) => sum + weight, 0)
      const seen = list.map(() => 0)
      for (const [at, index] of turns(list, total * 2).entries()) {
        seen[index]++
        if ((at + 1) % total === 0) expect(seen).toEqual(list.map((weight) => (weight * (at + 1)) / total))
      }
    }),
  )
})
