import { spawn } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DamagedStoreError } from './damaged.ts'

/** Such a reader has gone into a circle: 512 MiB of documents take seconds. */
const VERIFY_TIMEOUT_MS = 60_000

/**
 * LMDB trusts what it maps: a damaged page of its tree can end the process (SIGSEGV, SIGABRT), where there is nobody left to say why.
 * So a file marks that the store is being opened. When it is still there at the next start, something ended the process on the way (a
 * `kill -9` as well): only then the store is read in another process first, which costs a tenth of a second.
 */
export async function openGuarded<T>(
  file: string,
  marker: string,
  open: () => Promise<T>,
  reader = new URL('./verify-main.js', import.meta.url),
): Promise<T> {
  if (existsSync(marker)) {
    const signal = await verify(file, reader)
    if (signal !== undefined)
      throw new DamagedStoreError(file, `reading it ends the process with ${signal}, it has pages that are no pages`)
  } else mark(marker)
  try {
    return await open()
  } finally {
    rmSync(marker, { force: true })
  }
}

/** A disk that is full is no reason not to read. */
function mark(marker: string): void {
  try {
    writeFileSync(marker, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/** @returns the signal that ended the reader */
function verify(file: string, program: URL): Promise<string | undefined> {
  return new Promise((resolve) => {
    const reader = spawn(process.execPath, [fileURLToPath(program), file], {
      stdio: 'ignore',
      timeout: VERIFY_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    reader.once('error', () => resolve(undefined))
    reader.once('close', (_status, signal) => resolve(signal ?? undefined))
  })
}
