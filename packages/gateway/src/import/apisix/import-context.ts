import type { PluginLookup } from '../../config/plugin-lookup.ts'
import type { ResourceKind } from '../../resources/kind-names.ts'
import type { Fields } from '../output/noted.ts'
import type { Report } from '../report/report.ts'

/** A resource of ours in the making. */
export interface Resource {
  readonly kind: ResourceKind
  /** Where it stood, for what is to be told of it. */
  readonly path: string
  readonly fields: Fields
  /** Lines of the comment above it. */
  readonly notes: string[]
  /** Plugins that decided who may in, and have no equal: nobody may in. */
  readonly lostGuards: Set<string>
  /** Where parts of it stood that were elsewhere, by their path here: `credentials/one`. */
  readonly moved: Map<string, string>
}

/** What the readers of the parts share. */
export interface ImportContext {
  readonly report: Report
  readonly plugins: PluginLookup
  readonly resources: Resource[]
  /** Plugins that looked at what is sent, and have no equal: it goes through unchecked. */
  readonly lostFilters: Set<string>
}

/** A path of one of its fields. */
export const fieldPath = ({ path }: { readonly path: string }, ...names: string[]): string => [path, ...names].join('/')
