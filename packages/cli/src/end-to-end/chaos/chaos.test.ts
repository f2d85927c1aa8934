import { expect, it } from 'vitest'
import { run } from './testing/run.ts'

// `npm run test:chaos -- --seed N --minutes M` sets these; here a short form.
const SEED = Number(process.env['CHAOS_SEED'] ?? 1)
const MINUTES = Number(process.env['CHAOS_MINUTES'] ?? 0.2)
/** The short form leaves the machine alone. */
const ISOLATED = process.env['CHAOS_MINUTES'] !== undefined
const ONLY = process.env['CHAOS_ONLY'] ?? ''
const STORE = process.env['CHAOS_STORE'] === 'file' ? 'file' : 'etcd'

it(
  `whatever is done to it, nothing comes back wrong and nothing is lost that need not be (seed ${SEED}, ${MINUTES} minutes)`,
  async () => {
    const result = await run({
      seed: SEED,
      minutes: MINUTES,
      store: STORE,
      only: ONLY,
      isolated: ISOLATED,
      tell: console.log,
    })
    expect(result).toEqual({ wrong: [], unexplained: [], leaks: [] })
  },
  MINUTES * 60_000 + 120_000,
)
