// A load that is checked byte by byte, while everything around the gateway goes wrong: npm run test:chaos -- [--seed N] [--minutes M] [--store file|etcd] [--only 'clients are slow']
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '10' },
    store: { type: 'string', default: 'etcd' },
    only: { type: 'string', default: '' },
  },
})
const { status } = spawnSync(
  'npx',
  ['vitest', 'run', 'packages/cli/src/end-to-end/chaos/chaos.test.ts', '--disable-console-intercept'],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      EXTENDED: '1',
      CHAOS_SEED: values.seed,
      CHAOS_MINUTES: values.minutes,
      CHAOS_STORE: values.store,
      CHAOS_ONLY: values.only,
    },
  },
)
process.exitCode = status ?? 1
