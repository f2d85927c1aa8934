import { renderProblems } from '@sekisho/gateway/internal/config/render'
import { loadNode } from '@sekisho/gateway/internal/node/load-node'
import type { NodeSettings } from '@sekisho/gateway/internal/config/settings/node-settings'
import { configurationFile } from '../configuration-file.ts'
import { say, SilentFailure } from '../failure.ts'

/** What a supervisor needs to know of a configuration. */
export interface SupervisorSettings {
  /** The configuration file, as it was named or found. */
  readonly file: string
  readonly settings: Pick<NodeSettings, 'listen' | 'workers' | 'metrics' | 'shutdown' | 'upgrade'> & {
    readonly admin?: Pick<NonNullable<NodeSettings['admin']>, 'address' | 'tls'> | undefined
    readonly functions?: { readonly driver: string } | undefined
  }
}

/** What the process of the function engine needs to know of it. */
export interface FunctionsOfFile {
  readonly file: string
  readonly functions: NodeSettings['functions']
  readonly graceMs: number
}

/**
 * `sekisho settings`, which nobody types: reads and checks the configuration in a process of its own, because what that
 * takes (YAML, schema compiler, esbuild: 40 MB) would stay with the supervisor for good. Prints SupervisorSettings as JSON, or FunctionsOfFile.
 */
export async function printSettings(config: string | undefined, forFunctions: boolean): Promise<void> {
  const file = configurationFile(config)
  const loaded = await loadNode(file)
  if (loaded.config === undefined) {
    say(renderProblems(loaded.problems).trimEnd())
    throw new SilentFailure(`${file} is not valid`)
  }
  const { listen, workers, metrics, shutdown, upgrade, admin: all, functions } = loaded.config.settings
  if (forFunctions) {
    const needed: FunctionsOfFile = { file, functions, graceMs: shutdown.grace_period * 1_000 }
    process.stdout.write(JSON.stringify(needed))
    return
  }
  // Keys stay out of what is printed.
  const result: SupervisorSettings = {
    file,
    settings: {
      listen,
      workers,
      metrics,
      shutdown,
      upgrade,
      admin: all && { address: all.address, tls: all.tls },
      functions: functions && { driver: functions.driver },
    },
  }
  process.stdout.write(JSON.stringify(result))
}
