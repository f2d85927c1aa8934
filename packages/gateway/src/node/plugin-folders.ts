import { watch, type FSWatcher } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Editors write a file in several steps: what comes within this time is one change. */
const DEBOUNCE_MS = 50
const PLUGIN_FILE = /^(?!.*\.(test|spec|d)\.).*\.m?[jt]s$/

/** The files that are plugins of the user: each `.ts` or `.js` file of a plugin folder, in the order of their names. */
export async function pluginFiles(folders: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(folder))
        .filter((name) => PLUGIN_FILE.test(name))
        .sort()
        .map((name) => join(folder, name)),
    ),
  )
  return lists.flat()
}

/** Calls `changed` when something in the folders did. Returns what ends that. */
export function watchPluginFolders(folders: readonly string[], changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const watchers: FSWatcher[] = folders.map((folder) =>
    watch(folder, () => {
      clearTimeout(timer)
      timer = setTimeout(changed, DEBOUNCE_MS)
    }),
  )
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}
