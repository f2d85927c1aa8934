// 20 upgrades and 100 reloads under 5,000 requests a second: npm run test:upgrade [UPGRADES [RELOADS [RATE]]]
import { spawnSync } from 'node:child_process'

const [upgrades = '20', reloads = '100', rate = '5000'] = process.argv.slice(2)
const { status } = spawnSync('npx', ['vitest', 'run', 'packages/cli/src/end-to-end/upgrade', '--no-file-parallelism'], {
  stdio: 'inherit',
  env: { ...process.env, EXTENDED: '1', UPGRADES: upgrades, RELOADS: reloads, UPGRADE_RATE: rate },
})
process.exitCode = status ?? 1
