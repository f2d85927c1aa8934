import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (name: string): string => fileURLToPath(new URL(`./packages/${name}/src/index.ts`, import.meta.url))

// Unit tests import the sources, so that a failure points at the line that was written. Tests that start
// threads and processes run the built files under dist/, as a user would: `npm test` builds first.
export default defineConfig({
  resolve: {
    alias: {
      '@sekisho/wire': source('wire'),
      '@sekisho/proxy': source('proxy'),
      '@sekisho/gateway': source('gateway'),
    },
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'examples/**/*.test.ts', 'bench/**/*.test.ts', 'docs/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
})
