import { renderProblems } from '@sekisho/gateway/internal/config/render'
import { loadNode } from '@sekisho/gateway/internal/node/load-node'
import { backupEmbedded, DATA_FILE } from '@sekisho/gateway/internal/store/embedded/index'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { configurationFile } from '../configuration-file.ts'
import { Failure, say, SilentFailure } from '../failure.ts'
import { withProgress } from '../terminal/progress.ts'

export interface BackupOptions {
  readonly config?: string
  /** The folder of the store; left out: that of the configuration. */
  readonly path?: string
}

/** `sekisho backup FILE`: a copy of one moment of the embedded store, with its history, while a gateway uses it or not. */
export async function backup(target: string, options: BackupOptions): Promise<void> {
  const path = options.path ?? (await pathOf(options.config))
  await withProgress('copying', backupEmbedded(path, target))
  say(`${target}: ${statSync(target).size} bytes, of ${join(path, DATA_FILE)}`)
}

async function pathOf(config: string | undefined): Promise<string> {
  const file = configurationFile(config)
  const loaded = await loadNode(file)
  if (loaded.config === undefined) {
    say(renderProblems(loaded.problems).trimEnd())
    throw new SilentFailure(`${file} is not valid`)
  }
  const { store } = loaded.config.settings
  if (store.type === 'embedded') return store.path
  const instead =
    store.type === 'file'
      ? 'keep a copy of the file itself'
      : '"etcdctl snapshot save" makes a copy of all of it, "sekisho export" of what holds now'
  throw new Failure(`${file} has no embedded store ("store" is of the type "${store.type}"): ${instead}`)
}
