import { expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../../../../wire/src/testing/seeded-random.ts'
import { Seal } from './seal.ts'

const seal = new Seal('a secret of 32 characters or more', 'sessions')

it('opens what it sealed, each time other text', () => {
  const value = { sub: 'jäck', list: [1, 2] }
  const [first, second] = [seal.seal(value), seal.seal(value)]
  expect([seal.open(first), seal.open(second)]).toEqual([value, value])
  expect(first).not.toBe(second)
  expect(first).toMatch(/^[\w-]+$/)
})

it('opens nothing of another secret or purpose', () => {
  const text = seal.seal({ a: 1 })
  expect(new Seal('a secret of 32 characters or more', 'sign-ins').open(text)).toBeUndefined()
  expect(new Seal('another secret of 32 characters!!', 'sessions').open(text)).toBeUndefined()
})

it(`opens nothing that was changed (seed ${fuzzSeed(9)})`, () => {
  const random = new SeededRandom(fuzzSeed(9))
  const good = seal.seal({ sub: 'jack', admin: false })
  for (let run = 0; run < fuzzRuns(2_000); run++) {
    const bytes = Buffer.from(good, 'base64url')
    const at = random.below(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 + random.below(255))
    const text = bytes.toString('base64url')
    if (seal.open(text) !== undefined) expect.fail(text)
    if (seal.open(good.slice(0, random.below(good.length - 2))) !== undefined) expect.fail('a part was opened')
  }
  for (const text of ['', 'x', '====', 'A'.repeat(37), 'ä', '\0']) expect(seal.open(text)).toBeUndefined()
})
