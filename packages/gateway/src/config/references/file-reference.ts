import { readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { MAX_PEM_LENGTH } from '../../resources/pem.ts'
import type { Resolved } from '../env-references.ts'

export const FILE_PREFIX = '$file://'

/** Which files may be read. */
export interface FileAccess {
  /** What relative paths are relative to. */
  readonly folder: string
  /** Only files below these folders; undefined: any. Who writes the configuration file may read what the gateway reads; who writes to a store may not. */
  readonly within: readonly string[] | undefined
}

/** The text of a file. @returns with `file`, its absolute path, also when it could not be read */
export function readReferenced(name: string, { folder, within }: FileAccess): { file: string; resolved: Resolved } {
  const file = resolve(folder, name)
  const refuse = (message: string, remedy?: string): { file: string; resolved: Resolved } => ({
    file,
    resolved: { message, remedy },
  })
  try {
    if (within !== undefined && !isWithin(file, within)) return refuse(...notAllowed(within))
    const { size } = statSync(file)
    if (size > MAX_PEM_LENGTH)
      return refuse(`the file has ${size} bytes, and what is referred to at most ${MAX_PEM_LENGTH}`)
    // A link could lead out of the folder.
    if (within !== undefined && !isWithin(realpathSync(file), within.map(realPath)))
      return refuse(...notAllowed(within))
    return { file, resolved: { text: readFileSync(file, 'utf8') } }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read: ${message}`
    return refuse(`the file ${reason}`, `it was looked for at ${file}`)
  }
}

const notAllowed = (within: readonly string[]): [string, string] => [
  'the file is not in a folder that documents of the store may read',
  within.length === 0
    ? 'add its folder to "secret_paths"'
    : `they may read below ${within.join(', ')} ("secret_paths")`,
]

/** Whether a file is below one of the folders, also when links on the way to it are followed. It need not exist. */
export function isBelow(file: string, folders: readonly string[]): boolean {
  if (!isWithin(file, folders)) return false
  let real = realPath(file)
  if (real === file) real = join(realPath(dirname(file)), basename(file))
  return isWithin(real, folders.map(realPath))
}

function isWithin(file: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    const path = relative(folder, file)
    return path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path)
  })
}

function realPath(folder: string): string {
  try {
    return realpathSync(folder)
  } catch {
    return folder
  }
}
