import { SandboxDriver } from '../sandbox/sandbox-driver.ts'

const missing = (await new SandboxDriver({ dataDirectory: '/nonexistent' }).check()).filter(
  (check) => check.required && !check.fulfilled,
)

/** What this host lacks for the driver sandbox, as part of the names of tests that are skipped; empty: nothing. */
export const missingForSandbox: string = missing.map((check) => check.what).join(', ')

export const sandboxTitle = (title: string): string =>
  missingForSandbox === '' ? title : `${title} (skipped: this host lacks ${missingForSandbox})`
