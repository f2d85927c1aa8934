import { chmodSync, closeSync, existsSync, fsyncSync, mkdtempSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { StoreError } from '../backend/store-error.ts'
import type { EmbeddedDatabase } from './database.ts'
import { syncFolder } from './data-file.ts'

/**
 * Writes a copy of one moment while the store is in use. It is complete, and on the disk, when it gets its name. To restore it: stop the
 * gateway, copy it over `store.mdb`, start.
 */
export async function backupTo(database: EmbeddedDatabase, target: string): Promise<void> {
  const file = resolve(target)
  if (existsSync(file)) throw new StoreError(`${file} is there already: a backup replaces nothing, take another name`)
  let folder: string
  try {
    // LMDB makes the copy readable for all: in a folder of our own nobody gets at it before it is not.
    folder = mkdtempSync(join(dirname(file), '.sekisho-backup-'))
  } catch (error) {
    throw new StoreError(`${dirname(file)} cannot be written: ${(error as Error).message}`, { cause: error })
  }
  try {
    const copy = join(folder, 'store.mdb')
    await database.copyTo(copy)
    chmodSync(copy, 0o600)
    const descriptor = openSync(copy, 'r')
    fsyncSync(descriptor)
    closeSync(descriptor)
    renameSync(copy, file)
    syncFolder(dirname(file))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
