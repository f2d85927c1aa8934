import { expect, test } from 'vitest'
import { VerifiedTokens } from './verified-tokens.ts'

test('remembers a bounded number of tokens, those that are used the longest', () => {
  const tokens = new VerifiedTokens()
  const entry = { claims: {}, consumer: {}, generation: 0 }
  const token = (at: number): string => `${at}`.padEnd(1_000, 'x')
  tokens.set('used', entry)
  for (let at = 0; at < 10_000; at++) {
    tokens.set(token(at), entry)
    expect(tokens.get('used')).toBe(entry)
  }
  expect(tokens.size).toBeLessThan(2_200)
  expect(tokens.get(token(0))).toBeUndefined()
  expect(tokens.get(token(9_999))).toBe(entry)
})
