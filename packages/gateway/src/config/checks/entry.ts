import type { ResourceKind } from '../../resources/kind-names.ts'
import type { Findings } from '../problem.ts'
import type { PluginLookup } from '../plugin-lookup.ts'
import type { NodeSettings } from '../settings/node-settings.ts'
import type { Claims } from './claims.ts'
import type { KnownResources } from './known-resources.ts'

/** What is written of a resource. */
export type Item = Readonly<Record<string, unknown>>

/** One resource of the document. */
export interface Entry {
  readonly kind: ResourceKind
  readonly id: string
  readonly item: Item
  /** JSON Pointer of the resource. */
  readonly path: string
  /** Files (absolute) and secrets (as they are written) whose content is in the item. */
  readonly sources?: readonly string[]
}

/** What the checks need to know and where they put what they find. */
export interface CheckContext {
  /** What is to be checked. All passed their schema: the checks may rely on types. */
  readonly entries: readonly Entry[]
  /** What these refer to. */
  readonly known: KnownResources
  readonly claims: Claims
  readonly plugins: PluginLookup
  /** Names of the plugins that this node allows; undefined: all. */
  readonly allowed: ReadonlySet<string> | undefined
  /** Of the node: what resources are used with. `listen`, `discovery`, `proxy_cache` undefined: they are meant for nodes with others, too. */
  readonly settings: Pick<NodeSettings, 'acme'> & {
    readonly listen: NodeSettings['listen'] | undefined
    readonly discovery?: NodeSettings['discovery'] | undefined
    readonly proxy_cache?: NodeSettings['proxy_cache'] | undefined
  }
  readonly findings: Findings
}
