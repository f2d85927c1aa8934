import { execFile } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'

/** Names that were made or removed in a folder survive a power failure only after this. */
export const syncFolder = (path: string): Promise<void> => syncPath(path)

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What these files hold. */
export const syncFiles = (paths: readonly string[]): Promise<void> => forEachLimited(paths, syncPath)

/** All of these folders, relative to `root`, and `root`. */
export async function syncFolders(root: string, folders: readonly string[]): Promise<void> {
  await forEachLimited([...folders, ''], (folder) => syncFolder(join(root, folder)))
}

/**
 * All that was written to the file system that a folder is on, by one call of syncfs(2): for thousands of files, each of which would be waited for.
 * @returns false where there is no such call
 */
export function syncFileSystem(path: string): Promise<boolean> {
  if (process.platform !== 'linux') return Promise.resolve(false)
  return new Promise((resolve) => execFile('sync', ['-f', path], (error) => resolve(error === null)))
}

/** Threads of Node's pool that touch files at a time are 4 by default; more in flight lets the disk gather its waits. */
const IN_FLIGHT = 16

/** Calls `work` for each item, some at a time. The first rejection stops it, after what is under way. */
export async function forEachLimited<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  let failed = false
  const worker = async () => {
    while (next < items.length && !failed) {
      try {
        await work(items[next++]!)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(IN_FLIGHT, items.length) }, worker))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
