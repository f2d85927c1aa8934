import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packages = fileURLToPath(new URL('./packages/', import.meta.url))

/** Minutes of failures and overload, which want the machine for themselves: `EXTENDED=1 npm test` runs them, too. */
const extended = [
  'packages/cli/src/end-to-end/chaos/chaos.test.ts',
  'packages/cli/src/end-to-end/overload/overload.test.ts',
  'packages/cli/src/end-to-end/upgrade/upgrades-under-load.test.ts',
  'packages/cli/src/end-to-end/upgrade/broken-build.test.ts',
  'packages/cli/src/end-to-end/control-plane/hostile-documents.test.ts',
  'packages/cli/src/end-to-end/control-plane/etcd-away.test.ts',
  'packages/cli/src/end-to-end/control-plane/upgrade.test.ts',
  'packages/cli/src/end-to-end/control-plane/writers.test.ts',
  'packages/cli/src/end-to-end/functions/several-nodes.test.ts',
  'packages/cli/src/end-to-end/functions/supervision.test.ts',
  'packages/cli/src/end-to-end/functions/templates.test.ts',
  'packages/cli/src/end-to-end/health/health.test.ts',
  'packages/cli/src/functions/engine/etcd-state/etcd-state.test.ts',
  'packages/cli/src/end-to-end/backup.test.ts',
  'packages/cli/src/end-to-end/grpc-soak.test.ts',
  'packages/functions/src/end-to-end/killed-platform.test.ts',
]
const isExtended = process.env['EXTENDED'] === '1'
if (!isExtended) console.log(`Not without EXTENDED=1: ${extended.join(', ')}`)

// Unit tests import the sources, so that a failure points at the line that was written. Tests that start
// threads and processes run the built files under dist/, as a user would: `npm test` builds first.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^@sekisho\/(wire|proxy|gateway|functions)$/, replacement: `${packages}$1/src/index.ts` },
      { find: /^@sekisho\/proxy\/(server|limits|health)$/, replacement: `${packages}proxy/src/$1/index.ts` },
      { find: /^@sekisho\/functions\/(events|signature)$/, replacement: `${packages}functions/src/$1/index.ts` },
      { find: /^@sekisho\/functions\/internal\/(.*)$/, replacement: `${packages}functions/src/$1.ts` },
      { find: '@sekisho/gateway/testing', replacement: `${packages}gateway/src/testing-kit/index.ts` },
      { find: '@sekisho/gateway/node', replacement: `${packages}gateway/src/node/start-node.ts` },
      { find: /^@sekisho\/gateway\/internal\/(.*)$/, replacement: `${packages}gateway/src/$1.ts` },
    ],
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'examples/**/*.test.ts', 'bench/**/*.test.ts', 'docs/**/*.test.ts'],
    exclude: ['**/node_modules/**', ...(isExtended ? [] : extended)],
    pool: 'forks',
    // End-to-end tests mostly wait for other programs: with twice as many at a time the suite takes half as long.
    maxWorkers: 2 * availableParallelism(),
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
})
