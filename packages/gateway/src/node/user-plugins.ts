import { watch, type FSWatcher } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleModule } from '../config/module/bundle.ts'
import type { PluginLogger } from '../plugins/context.ts'
import type { PluginRegistry } from '../plugins/plugin-registry.ts'
import { importPlugin } from './user-plugin.ts'

/** Editors write a file in several steps: what comes within this time is one change. */
const DEBOUNCE_MS = 50
const PLUGIN_FILE = /^(?!.*\.(test|spec|d)\.).*\.m?[jt]s$/

/** Told of a plugin that changed: its file, and its code as one module; undefined when the file is gone. */
type PluginListener = (file: string, code: string | undefined) => void

/**
 * The plugins of the user: each `.ts` or `.js` file in the plugin folders is one. They are bundled and tried here, on the
 * control thread; the workers get the code. A file that does not work is refused, and what it was before stays in force.
 */
export class UserPlugins {
  logger: PluginLogger | undefined
  /** The code of each plugin by its file, for workers that start. */
  readonly codes = new Map<string, string>()
  private readonly names = new Map<string, string>()
  private readonly registry: PluginRegistry
  private readonly watchers: FSWatcher[] = []
  private folders: readonly string[] = []
  private timer: NodeJS.Timeout | undefined

  constructor(registry: PluginRegistry) {
    this.registry = registry
  }

  /** Loads all plugins of these folders; once, whatever is called later is about changes. */
  async load(folders: readonly string[]): Promise<void> {
    if (this.folders.length > 0) return
    this.folders = folders
    for (const file of await this.files()) await this.loadFile(file)
  }

  /** Follows changes of the folders. */
  watch(listener: PluginListener): void {
    for (const folder of this.folders) {
      this.watchers.push(
        watch(folder, () => {
          clearTimeout(this.timer)
          this.timer = setTimeout(() => {
            this.rescan(listener).catch((err: unknown) => this.logger?.error({ err }, 'the plugin folders cannot be read'))
          }, DEBOUNCE_MS)
        }),
      )
    }
  }

  close(): void {
    clearTimeout(this.timer)
    for (const watcher of this.watchers) watcher.close()
  }

  private async rescan(listener: PluginListener): Promise<void> {
    const files = new Set(await this.files())
    for (const file of files) {
      const before = this.codes.get(file)
      try {
        await this.loadFile(file)
      } catch (err) {
        this.logger?.error({ err, file }, `the plugin ${file} is refused, and what it was before stays in force`)
        continue
      }
      const code = this.codes.get(file)
      if (code === before) continue
      listener(file, code)
      this.logger?.info({ file }, `the plugin ${this.names.get(file)} was loaded`)
    }
    for (const file of [...this.codes.keys()]) {
      if (files.has(file)) continue
      this.codes.delete(file)
      const name = this.names.get(file)
      this.names.delete(file)
      if (name !== undefined) this.registry.remove(name)
      listener(file, undefined)
      this.logger?.info({ file }, `the plugin ${name} was removed`)
    }
  }

  private async loadFile(file: string): Promise<void> {
    const code = await bundleModule(file)
    if (code === this.codes.get(file)) return
    const definition = await importPlugin(file, code)
    this.codes.set(file, code)
    this.names.set(file, definition.name)
    this.registry.set(definition)
  }

  private async files(): Promise<string[]> {
    const lists = await Promise.all(
      this.folders.map(async (folder) => (await readdir(folder)).filter((name) => PLUGIN_FILE.test(name)).map((name) => join(folder, name))),
    )
    return lists.flat().sort()
  }
}
