// 1,000 streaming gRPC calls through a gateway that gets a new configuration each second: npm run test:soak [SECONDS [CALLS]]
import { spawnSync } from 'node:child_process'

const [seconds = '60', calls = '1000'] = process.argv.slice(2)
const { status } = spawnSync('npx', ['vitest', 'run', 'packages/cli/src/end-to-end/grpc-soak.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, SOAK_SECONDS: seconds, SOAK_CALLS: calls },
})
process.exitCode = status ?? 1
