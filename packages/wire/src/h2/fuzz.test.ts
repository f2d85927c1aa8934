import { expect, it } from 'vitest'
import { H2Fuzzer } from '../testing/h2-fuzz.ts'
import { fuzzRuns, fuzzSeed } from '../testing/seeded-random.ts'

/** `npm run fuzz:h2 -- --frames 10000000 --seed N` looks further. */
it('conversations, valid and mutated, with both sides', async () => {
  const seed = fuzzSeed(20_261_121)
  const fuzzer = new H2Fuzzer(seed)
  for (let run = fuzzRuns(3_000); run > 0; run--) await fuzzer.run()
  // Or the mutations would be so wild, or so tame, that nothing is tested.
  expect(fuzzer.requests).toBeGreaterThan(fuzzer.conversations)
  expect(fuzzer.refused / fuzzer.conversations).toBeGreaterThan(0.1)
  expect(fuzzer.refused / fuzzer.conversations).toBeLessThan(0.8)
}, 120_000)
