import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { LoadedConfig, LoadResult } from '../config/load.ts'
import type { ConfigProblem } from '../config/problem.ts'
import type { NodeSettings } from '../config/settings/node-settings.ts'
import { diffResources } from './diff.ts'
import { watchFile, type WatchFile } from './file-watcher.ts'
import type { Change, Snapshot, Store } from './store.ts'

export interface FileStoreOptions {
  /** Reads and checks the file: `loadConfig` in this thread, or a ConfigLoader, which does it in another. */
  readonly load: (file: string) => Promise<LoadResult>
  /** A changed file that cannot be used. What was there before stays in force. */
  readonly onProblem?: (problems: readonly ConfigProblem[]) => void
  /** Resources whose secrets could not be read: what they were stays in force, or they are left out. */
  readonly onWithoutSecrets?: (problems: readonly ConfigProblem[]) => void
  /** The node's own settings changed in the file: they take effect at the next start. */
  readonly onSettings?: (settings: NodeSettings) => void
  /** Replaces the file system's watch in tests. */
  readonly watchFile?: WatchFile
}

/** What a reload led to: problems (nothing changed), a change, or neither (the content is the same). */
export type ReloadResult =
  | { readonly problems: readonly ConfigProblem[]; readonly change?: undefined }
  | { readonly change: Change | undefined; readonly problems?: undefined }

const UNCHANGED: ReloadResult = { change: undefined }

/** A configuration that is not valid, where there is no earlier one to go on with. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(`${file}: ${problems.length} problem${problems.length === 1 ? '' : 's'} in the configuration`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** Resources from the configuration file. A save is a change; a bad file is refused whole, and the last good one stays. */
export class FileStore implements Store {
  readonly #file: string
  readonly #options: FileStoreOptions
  readonly #listeners = new Set<(change: Change) => void>()
  #config: LoadedConfig | undefined
  #hash: string | undefined
  #revision = 0
  #stopWatching: (() => void) | undefined
  #closed = false
  /** Reloads run one after the other: each is compared with the result of the one before. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(file: string, options: FileStoreOptions) {
    this.#file = file
    this.#options = options
  }

  /** The settings of the file as it was loaded last. */
  get settings(): NodeSettings | undefined {
    return this.#config?.settings
  }

  /** Rejects with a ConfigError when the file is not valid. Reads the file once; later changes come through `watch`. */
  async load(): Promise<Snapshot> {
    if (this.#config === undefined) {
      const { problems } = await this.reload()
      if (problems !== undefined) throw new ConfigError(this.#file, problems)
    }
    return { revision: this.#revision, resources: this.#config!.resources }
  }

  watch(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    this.#stopWatching ??= (this.#options.watchFile ?? watchFile)(
      this.#file,
      () => void this.#reloadChanged(),
      (error) => this.#report(`can no longer be watched: ${error.message}`, 'reload by SIGHUP'),
    )
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#endWatch()
    }
  }

  /**
   * Reads the file now, whether or not it looks changed (it may depend on the environment, or import files that are not
   * watched). Listeners are told before the promise resolves.
   */
  reload(): Promise<ReloadResult> {
    return this.#enqueue(() => this.#read())
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#listeners.clear()
    this.#endWatch()
    await this.#queue
  }

  /** After an event of the file system: nothing when the content is what it was. */
  async #reloadChanged(): Promise<void> {
    try {
      const { problems } = await this.#enqueue(async () => {
        const hash = await contentHash(this.#file)
        // A module may import files that changed while it did not.
        const mayDiffer = hash === undefined || hash !== this.#hash || /\.m?[jt]s$/.test(extname(this.#file))
        return mayDiffer ? this.#read() : UNCHANGED
      })
      if (problems !== undefined) this.#options.onProblem?.(problems)
    } catch (error) {
      // A listener that threw: whoever reloads by hand gets the error, here nobody is waiting for it.
      this.#report(`could not be applied: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #enqueue(task: () => Promise<ReloadResult>): Promise<ReloadResult> {
    const result = this.#queue.then((): ReloadResult | Promise<ReloadResult> => (this.#closed ? UNCHANGED : task()))
    this.#queue = result.catch(() => undefined)
    return result
  }

  async #read(): Promise<ReloadResult> {
    // Before the content: a save between the two is then seen as a difference at the next event, never missed.
    this.#hash = await contentHash(this.#file)
    const { config, problems } = await this.#options.load(this.#file)
    if (problems !== undefined) return { problems }
    const before = this.#config
    if (config.withoutSecrets.length > 0) {
      this.#options.onWithoutSecrets?.(config.withoutSecrets.flatMap(({ problems: reasons }) => reasons))
      if (before !== undefined) keepWithoutSecrets(before, config)
    }
    this.#config = config
    if (before === undefined) {
      this.#revision = 1
      return UNCHANGED
    }
    if (!isDeepStrictEqual(before.settings, config.settings)) this.#options.onSettings?.(config.settings)
    const operations = diffResources(before.resources, config.resources)
    if (operations.length === 0) return UNCHANGED
    const change: Change = { revision: this.#revision + 1, from: this.#revision, operations }
    this.#revision = change.revision
    for (const listener of this.#listeners) listener(change)
    return { change }
  }

  #endWatch(): void {
    this.#stopWatching?.()
    this.#stopWatching = undefined
  }

  #report(message: string, remedy?: string): void {
    const nowhere = { line: 0, column: 0, path: '', value: undefined, source: undefined }
    this.#options.onProblem?.([{ ...nowhere, file: this.#file, message, remedy }])
  }
}

/** What has to wait for its secrets stays what it was. */
function keepWithoutSecrets(before: LoadedConfig, { resources, withoutSecrets }: LoadedConfig): void {
  for (const { kind, id } of withoutSecrets) {
    const item = before.resources[kind].get(id)
    if (item !== undefined) (resources[kind] as Map<string, unknown>).set(id, item)
  }
}

/** Undefined when the file cannot be read: then the reader says why. */
async function contentHash(file: string): Promise<string | undefined> {
  try {
    return createHash('sha1')
      .update(await readFile(file))
      .digest('base64')
  } catch {
    return undefined
  }
}
