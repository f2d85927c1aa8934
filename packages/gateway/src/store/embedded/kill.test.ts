import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const SEED = 4_711

// The script says with which seed it failed; `node scripts/kill-embedded.mjs` is the long form.
it(`every acknowledged write is there after kill -9, and no other change (seed ${SEED})`, async () => {
  const script = fileURLToPath(new URL('../../../../../scripts/kill-embedded.mjs', import.meta.url))
  const options = ['--writes', '500', '--kills', '8', '--seed', String(SEED)]
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...options])
  const [, kills] = /500 writes are there, after (\d+) kills/.exec(stdout) ?? []
  expect(Number(kills)).toBeGreaterThan(2)
}, 60_000)
