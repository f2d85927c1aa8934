import { spawn } from 'node:child_process'
import { createDriver } from '@sekisho/functions/internal/drivers/create-driver'

/** How the demo's functions are kept apart, and why not better. */
export interface DevDriver {
  readonly name: 'sandbox' | 'process'
  /** For people: `each in a sandbox of its own`. */
  readonly why: string
}

const TRIAL = ['--unshare-all', '--ro-bind', '/', '/', 'true']
const TRIAL_LIMIT_MS = 5_000

/** `sandbox` where this host can run it, and `process` elsewhere: chosen in the open, since nobody wrote down what is wanted. */
export async function devDriver(): Promise<DevDriver> {
  const sandbox = await createDriver('sandbox', { dataDirectory: '/' })
  const missing = (await sandbox.check()).find(({ required, fulfilled }) => required && !fulfilled)
  if (missing !== undefined) return withoutIsolation(`${missing.what}: ${missing.detail}`)
  const said = await tryBubblewrap()
  return said === undefined ? { name: 'sandbox', why: 'each in a sandbox of its own' } : withoutIsolation(said)
}

const withoutIsolation = (reason: string): DevDriver => ({
  name: 'process',
  why: `without isolation, as the sandbox cannot be used here (${reason})`,
})

/** Some hosts have it and forbid it. @returns what it says then */
function tryBubblewrap(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('bwrap', TRIAL, { stdio: ['ignore', 'ignore', 'pipe'], timeout: TRIAL_LIMIT_MS })
    let said = ''
    child.stderr.on('data', (piece: Buffer) => (said += piece.toString()))
    child.once('error', (error) => resolve(error.message))
    child.once('close', (status) => resolve(status === 0 ? undefined : said.split('\n', 1)[0] || 'bwrap fails'))
  })
}
