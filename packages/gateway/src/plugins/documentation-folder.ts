import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** How the pages in a folder differ from those that should be there. */
export interface FolderDifference {
  /** Pages that are missing, or say something else. */
  readonly stale: readonly string[]
  /** Pages of no plugin. */
  readonly superfluous: readonly string[]
}

/** Compares a folder of pages with what the sources say. `owned` tells pages that were made from those that somebody wrote. */
export function comparePages(
  folder: string,
  pages: ReadonlyMap<string, string>,
  owned: (text: string) => boolean = () => true,
): FolderDifference {
  const present = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.md')) : []
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return {
    stale: [...pages.keys()].filter((name) => !present.includes(name) || read(name) !== pages.get(name)),
    superfluous: present.filter((name) => !pages.has(name) && owned(read(name))),
  }
}

export function writePages(
  folder: string,
  pages: ReadonlyMap<string, string>,
  { stale, superfluous }: FolderDifference,
): void {
  mkdirSync(folder, { recursive: true })
  for (const name of stale) writeFileSync(join(folder, name), pages.get(name) ?? '')
  for (const name of superfluous) rmSync(join(folder, name))
}
