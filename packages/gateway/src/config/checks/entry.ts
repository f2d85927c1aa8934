import type { ResourceKind } from '../../resources/kind-names.ts'
import type { Findings } from '../problem.ts'
import type { PluginLookup } from '../plugin-lookup.ts'
import type { NodeSettings } from '../settings/node-settings.ts'

type Item = Readonly<Record<string, unknown>>

/** One resource of the document. */
export interface Entry {
  readonly kind: ResourceKind
  readonly id: string
  readonly item: Item
  /** JSON Pointer of the resource. */
  readonly path: string
}

/** What the checks need to know and where they put what they find. */
export interface CheckContext {
  /** Entries that passed their schema. The checks may rely on types. */
  readonly entries: readonly Entry[]
  /** All ids, also of entries that did not pass: a reference to one of these is not a second mistake. */
  readonly ids: ReadonlyMap<ResourceKind, ReadonlySet<string>>
  readonly plugins: PluginLookup
  /** Names of the plugins that this node allows; undefined: all. */
  readonly allowed: ReadonlySet<string> | undefined
  /** Of the node: what resources are used with. */
  readonly settings: NodeSettings
  readonly findings: Findings
}
