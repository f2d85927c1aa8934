import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { missingForSandbox, sandboxTitle } from '../drivers/testing/sandbox-support.ts'

const SEED = 4_711
const KILLS = 4

// The script says with which seed it failed; `node scripts/kill-functions.mjs` is the long form.
test.skipIf(missingForSandbox !== '')(
  sandboxTitle(`no acknowledged deploy or event is lost by kill -9, and no process remains (seed ${SEED})`),
  async () => {
    const script = fileURLToPath(new URL('../../../../scripts/kill-functions.mjs', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [script, '--kills', String(KILLS), '--seed', String(SEED)]) // prettier-ignore
    expect(stdout).toMatch(new RegExp(`all is there, after ${KILLS} kills`))
  },
  120_000,
)
