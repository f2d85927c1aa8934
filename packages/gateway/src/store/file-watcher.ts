import { watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'

/** Calls back some time after the file may have changed; ends when the returned function is called. */
export type WatchFile = (file: string, changed: () => void, failed: (error: Error) => void) => () => void

/** An editor's save is several events: truncate, write, rename. 20 ms is longer than these take and shorter than a glance. */
export const DEBOUNCE_MS = 20

/**
 * Watches the folder, not the file: most editors write a new file and rename it over the old one, and a watch on the old
 * one would go on watching what is no longer there. Kubernetes replaces the link `..data` in the folder of a mounted
 * ConfigMap, so that name counts too.
 */
export const watchFile: WatchFile = (file, changed, failed) => {
  const name = basename(file)
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(dirname(resolve(file)), { persistent: false }, (_event, found) => {
    if (found !== null && found !== name && found !== '..data') return
    clearTimeout(timer)
    timer = setTimeout(changed, DEBOUNCE_MS)
    timer.unref()
  })
  watcher.on('error', failed)
  return () => {
    clearTimeout(timer)
    watcher.close()
  }
}
