import { createDriver } from '@sekisho/functions/internal/drivers/create-driver'

/** How the demo's functions are kept apart, and why not better. */
export interface DevDriver {
  readonly name: 'sandbox' | 'process'
  /** For people: `each in a sandbox of its own`. */
  readonly why: string
}

/** `sandbox` where this host can run it, and `process` elsewhere: chosen in the open, since nobody wrote down what is wanted. */
export async function devDriver(): Promise<DevDriver> {
  const sandbox = await createDriver('sandbox', { dataDirectory: '/' })
  const missing = (await sandbox.check()).find(({ required, fulfilled }) => required && !fulfilled)
  if (missing === undefined) return { name: 'sandbox', why: 'each in a sandbox of its own' }
  return withoutIsolation(`${missing.what}: ${missing.detail}`)
}

const withoutIsolation = (reason: string): DevDriver => ({
  name: 'process',
  why: `without isolation, as the sandbox cannot be used here (${reason})`,
})
