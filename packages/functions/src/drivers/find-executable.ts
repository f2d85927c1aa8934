import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** Where system administration programs are, which a user's PATH may leave out. */
const ALSO = ['/usr/sbin', '/sbin', '/usr/local/sbin']

/** Full path of a program in PATH; undefined: it is not installed. */
export function findExecutable(name: string): string | undefined {
  for (const folder of [...(process.env['PATH'] ?? '').split(':'), ...ALSO]) {
    if (folder === '') continue
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // The next folder may have it.
    }
  }
  return undefined
}
