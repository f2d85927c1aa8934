import { describe, expect, test } from 'vitest'
import { isSpent, MAX_RESOURCE_STEPS, spend, stepsTaken, withBudget } from './budget.ts'
import { checkBacktracking } from './check-backtracking.ts'

/** The most costly kinds of expressions that were found, of 4 KiB, each another one. */
const COSTLY: Readonly<Record<string, (index: number) => string>> = {
  'sets of distant characters': (index) =>
    `${index}${Array.from({ length: 700 }, (_, at) => `[^${String.fromCharCode(0x1000 + at * 3)}]`).join('')}*`,
  'optional characters': (index) =>
    `^${index}${Array.from({ length: 1_900 }, (_, at) => `${String.fromCharCode(0x1000 + at * 2)}?`).join('')}`,
  'optional parts': (index) => `^${index}${'(?:ab?|c)'.repeat(440)}`,
  repetitions: (index) => Array.from({ length: 400 }, (_, at) => `a${index}${at % 10}[bc]*`).join('|'),
}

/** 1.5 MiB of them. */
const COUNT = 380

describe('many costly expressions in one resource', () => {
  test.each(Object.entries(COSTLY))(
    'take a bounded number of steps: %s',
    (_what, make) => {
      const check = () => {
        const before = stepsTaken()
        const found = withBudget(() => Array.from({ length: COUNT }, (_, index) => checkBacktracking(make(index), '')))
        return { found, steps: stepsTaken() - before }
      }
      const first = check()
      expect(first.found.at(-1)).toMatch(
        /^is one too many: .*; write fewer or simpler ones, or divide them among several resources$/,
      )
      // The last one that is looked at may take what is left, and its own.
      expect(first.steps).toBeLessThan(2 * MAX_RESOURCE_STEPS)
      // What is known by now counts as before: the answer is the same.
      expect(check()).toEqual(first)
    },
    30_000,
  )
})

test('what people write is far from the limit', () => {
  const agents = Array.from({ length: 500 }, (_, index) => `(?:bot|spider|crawler)-${index}/[0-9.]+.*compatible`)
  const before = stepsTaken()
  expect(withBudget(() => agents.map((agent) => checkBacktracking(agent, 'i'))).every((one) => one === undefined)).toBe(
    true,
  )
  expect(stepsTaken() - before).toBeLessThan(MAX_RESOURCE_STEPS)
})

test('each resource has a budget of its own, and outside of one there is none', () => {
  withBudget(() => {
    spend(MAX_RESOURCE_STEPS + 1)
    expect(isSpent()).toBe(true)
    expect(withBudget(isSpent)).toBe(false)
    expect(isSpent()).toBe(true)
  })
  expect(isSpent()).toBe(false)
})
