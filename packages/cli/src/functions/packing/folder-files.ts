import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../failure.ts'
import { globs } from './globs.ts'
import type { PackageFile } from './package-file.ts'

/** What no function needs, and what should not leave this machine. */
export const NEVER = [
  '.git',
  '.hg',
  '.svn',
  '.DS_Store',
  '.env',
  '.env.*',
  '.gitignore',
  '.venv',
  '__pycache__',
  'node_modules/.cache',
  'function.yaml',
  'function.yml',
  'function.json',
]

/** As many as a package may have. */
const MAX_FILES = 100_000
/** 250 MB, as on Lambda. */
const MAX_BYTES = 262_144_000

export interface FolderSelection {
  /** Patterns; undefined: all. */
  readonly include?: readonly string[] | undefined
  readonly exclude?: readonly string[] | undefined
}

/**
 * The files of a folder, by path. Links are followed within the folder. Throws Failure for what no package can hold.
 */
export async function folderFiles(folder: string, { include, exclude }: FolderSelection = {}): Promise<PackageFile[]> {
  const left = globs([...NEVER, ...(exclude ?? [])])
  const taken = include && globs(include)
  const root = await realpath(folder)
  const files: PackageFile[] = []
  let bytes = 0

  const visit = async (path: string, above: readonly string[]): Promise<void> => {
    for (const name of (await readdir(join(folder, path))).toSorted()) {
      const inside = path === '' ? name : `${path}/${name}`
      if (left(inside)) continue
      const source = join(folder, inside)
      const found = await stat(source).catch(() => undefined)
      if (found === undefined)
        throw new Failure(`${source} is a link to nothing; remove it, or name it under "exclude"`)
      if (found.isDirectory()) {
        const real = await realpath(source)
        if (above.includes(real)) throw new Failure(`${source} is a link to a folder that it is in`)
        await visit(inside, [...above, real])
      } else if (found.isFile() && (taken === undefined || taken(inside))) {
        files.push({ path: inside, source, executable: (found.mode & 0o111) !== 0, bytes: found.size })
        bytes += found.size
        if (bytes > MAX_BYTES || files.length > MAX_FILES) throw tooLarge(folder, files)
      }
    }
  }
  await visit('', [root])
  return files
}

function tooLarge(folder: string, files: readonly PackageFile[]): Failure {
  const largest = files.toSorted((a, b) => b.bytes - a.bytes).slice(0, 3)
  const names = largest.map(({ path, bytes }) => `${path} (${(bytes / 1e6).toFixed(1)} MB)`).join(', ')
  return new Failure(
    `${folder} has more than a package may hold: 250 MB, ${MAX_FILES} files; the largest so far: ${names}. Name what is not needed under "exclude" in function.yaml`,
  )
}
