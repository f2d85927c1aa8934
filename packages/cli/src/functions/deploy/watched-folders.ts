import { type FSWatcher, readdirSync, watch } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../failure.ts'

/** Where compilers and package managers write; nothing in it is source. */
const IGNORED = new Set(['node_modules', 'target', '.git', 'dist', '__pycache__', '.venv'])
/** Of folders that are watched: a project, not a disk. */
const MAX_FOLDERS = 2_000
/** Editors save in several steps. */
const SETTLE_MS = 15

/**
 * Tells of changes below folders, several at once. By a watch on each folder: the recursive kind looks at every file of node_modules on Linux.
 */
export class WatchedFolders {
  readonly #watchers = new Map<string, FSWatcher>()
  readonly #onChange: (files: readonly string[]) => void
  #changed = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  constructor(onChange: (files: readonly string[]) => void) {
    this.#onChange = onChange
  }

  /** These and what is in them, besides what is watched already. */
  add(folders: readonly string[]): void {
    for (const folder of folders) this.#addTree(folder)
  }

  close(): void {
    clearTimeout(this.#timer)
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #addTree(folder: string): void {
    if (this.#watchers.has(folder)) return
    if (this.#watchers.size === MAX_FOLDERS)
      throw new Failure(
        `there are more than ${MAX_FOLDERS} folders to watch; deploy without --watch, or watch a smaller folder`,
      )
    const entries = tryEntries(folder)
    if (entries === undefined) return
    const watcher = watch(folder, (_event, name) => this.#notice(folder, name))
    // The folder is gone.
    watcher.once('error', () => this.#forget(folder))
    this.#watchers.set(folder, watcher)
    for (const entry of entries)
      if (entry.isDirectory() && !IGNORED.has(entry.name)) this.#addTree(join(folder, entry.name))
  }

  #forget(folder: string): void {
    this.#watchers.get(folder)?.close()
    this.#watchers.delete(folder)
  }

  #notice(folder: string, name: string | null): void {
    if (name === null || IGNORED.has(name) || isOfEditor(name)) return
    const path = join(folder, name)
    this.#changed.add(path)
    this.#addTree(path)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      const files = [...this.#changed]
      this.#changed = new Set()
      this.#onChange(files)
    }, SETTLE_MS)
  }
}

/** Swap and backup files of vi, emacs, JetBrains. */
const isOfEditor = (name: string): boolean => /^\.#|^#.*#$|~$|\.sw[a-z]$|^4913$|___jb_/.test(name)

/** undefined for what is no folder. */
function tryEntries(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return undefined
  }
}
