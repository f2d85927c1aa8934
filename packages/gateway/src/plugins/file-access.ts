import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { isBelow } from '../config/references/file-reference.ts'

/** Folders with the files that plugins may be told to use. */
export interface PluginFiles {
  readonly read: readonly string[]
  readonly written: readonly string[]
}

/** undefined: any file, as whoever writes the configuration file may use what the gateway may. One answer for each thread. */
let allowed: PluginFiles | undefined

/** Who may write to the Admin API must not thereby read and write files of the node: only its settings file says which. */
export function limitPluginFiles(files: PluginFiles | undefined): void {
  allowed = files
}

/** Why a plugin may not be told to read this file; for `check`. */
export const readProblem = (path: string): string | undefined => problem(path, allowed?.read, 'secret_paths', 'read')

/** Why a plugin may not be told to write to this file; for `check`. */
export const writeProblem = (path: string): string | undefined =>
  problem(path, allowed?.written, 'log_paths', 'write to')

function problem(
  path: string,
  folders: readonly string[] | undefined,
  setting: string,
  verb: string,
): string | undefined {
  if (folders === undefined || isBelow(resolve(path), folders)) return undefined
  return folders.length === 0
    ? `is not in a folder that documents of the store may ${verb}; add its folder to "${setting}" in the settings file`
    : `is not in a folder that documents of the store may ${verb}, which are ${folders.join(', ')} ("${setting}" in the settings file)`
}

/**
 * The contents of a file that a plugin was told to read.
 * @throws Error, for people: also for what is no ordinary file (a device has no end, a pipe waits), or larger
 */
export function readPluginFile(path: string, maxBytes: number): Buffer {
  const stats = statSync(path)
  if (!stats.isFile()) throw new Error('it is no file')
  if (stats.size > maxBytes) throw new Error(`it has ${stats.size} bytes, and ${maxBytes} are read at most`)
  return readFileSync(path)
}
