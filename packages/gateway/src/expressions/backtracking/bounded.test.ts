import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkBacktracking } from './check-backtracking.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

const atom = fc.constantFrom('a', 'b', 'ab', '.', '\\w', '[ab]', '[^a]', '\\b', '^', 'c', '\\d')
const quantifier = fc.constantFrom('', '', '', '*', '+', '?', '*?', '{2}', '{0,3}', '{2,}')
const pattern = fc.letrec<{ all: string }>((tie) => ({
  all: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.tuple(atom, quantifier).map(([text, times]) => (/^(\\b|\^)$/.test(text) ? text : text + times)),
    fc.tuple(tie('all'), quantifier).map(([inner, times]) => `(${inner})${times}`),
    fc.array(tie('all'), { minLength: 2, maxLength: 4 }).map((parts) => parts.join('')),
    fc.tuple(tie('all'), tie('all')).map(([left, right]) => `(?:${left}|${right})`),
    tie('all').map((inner) => `(?=${inner})`),
  ),
})).all

/** Long enough that what is exponential never ends. */
const LENGTH = 400
const TIMEOUT_MS = 5000

describe('what is accepted', () => {
  it(`ends on texts that are made against it (SEED=${seed})`, () => {
    let accepted = 0
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', '1', ' '), { minLength: 1, maxLength: 4 })
      .map((round) => round.join(''))
    fc.assert(
      fc.property(
        pattern,
        fc.constantFrom('', '$', '!', 'b'),
        fc.array(text, { minLength: 1, maxLength: 4 }),
        (source, end, rounds) => {
          const whole = source + end
          const expression = new RegExp(whole)
          if (checkBacktracking(whole, '') !== undefined) return
          accepted++
          const texts = ['a', 'b', ...rounds].map((round) => `${round.repeat(LENGTH / round.length)}\n`)
          runInNewContext(
            'for (const text of texts) expression.test(text)',
            { texts, expression },
            { timeout: TIMEOUT_MS },
          )
        },
      ),
      { seed, numRuns: 1500 },
    )
    expect(accepted).toBeGreaterThan(200)
  }, 60_000)
})
