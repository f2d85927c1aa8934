import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { mkdir, open, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Character devices by their numbers, of null(4), full(4), random(4) and tty(4). */
const DEVICES = { null: [1, 3], zero: [1, 5], full: [1, 7], random: [1, 8], urandom: [1, 9], tty: [5, 0] } as const
const LINKS = { fd: '/proc/self/fd', stdin: '/proc/self/fd/0', stdout: '/proc/self/fd/1', stderr: '/proc/self/fd/2' }

/**
 * A /dev that all sandboxes can share, so that each has one mount instead of nine. There are no pseudo terminals in it, as on AWS.
 *
 * @param folder does not exist, or is empty
 * @returns false: devices cannot be made (the engine is not root) or do not work (the file system is mounted `nodev`); the folder is empty
 */
export async function makeDeviceFiles(folder: string): Promise<boolean> {
  await mkdir(folder, { recursive: true })
  try {
    await Promise.all(
      Object.entries(DEVICES).map(([name, [major, minor]]) =>
        run('mknod', ['-m', '666', join(folder, name), 'c', String(major), String(minor)]),
      ),
    )
    const file = await open(join(folder, 'null'), constants.O_WRONLY)
    await file.close()
    for (const [name, target] of Object.entries(LINKS)) await symlink(target, join(folder, name))
    return true
  } catch {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder)
    return false
  }
}
