import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'

/** A renewal writes a certificate and its key: what comes within this time is one change. */
const DEBOUNCE_MS = 200

/**
 * Watches files that certificates are read from. Their folders are watched, as what renews them puts new files or links in the place of the old
 * ones (certbot), or turns a link beside them (`..data`, Kubernetes).
 */
export class FileWatch {
  private readonly changed: () => void
  private readonly failed: (folder: string, error: Error) => void
  private readonly watchers = new Map<string, FSWatcher>()
  private names: ReadonlyMap<string, ReadonlySet<string>> = new Map()
  private timer: NodeJS.Timeout | undefined

  constructor(changed: () => void, failed: (folder: string, error: Error) => void) {
    this.changed = changed
    this.failed = failed
  }

  /** @param files absolute paths: all that are to be watched from now on */
  watch(files: readonly string[]): void {
    const names = new Map<string, Set<string>>()
    for (const file of files) {
      const folder = dirname(file)
      names.set(folder, (names.get(folder) ?? new Set()).add(basename(file)))
    }
    this.names = names
    for (const folder of this.watchers.keys()) if (!names.has(folder)) this.end(folder)
    for (const folder of names.keys()) if (!this.watchers.has(folder)) this.begin(folder)
  }

  close(): void {
    clearTimeout(this.timer)
    for (const folder of [...this.watchers.keys()]) this.end(folder)
  }

  private begin(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name !== null && name !== '..data' && this.names.get(folder)?.has(name) !== true) return
        clearTimeout(this.timer)
        this.timer = setTimeout(this.changed, DEBOUNCE_MS)
        this.timer.unref()
      })
      watcher.on('error', (error) => {
        this.end(folder)
        this.failed(folder, error)
      })
      this.watchers.set(folder, watcher)
    } catch (error) {
      this.failed(folder, error as Error)
    }
  }

  private end(folder: string): void {
    this.watchers.get(folder)?.close()
    this.watchers.delete(folder)
  }
}
