import type { ImportedCluster } from '../clusters/imported-cluster.ts'
import type { Plugins } from '../output/draft.ts'
import type { Condition } from './text-test.ts'

/** A route in the making. Those of a virtual host stand in the order in which Envoy tries them. */
export interface ImportedRoute {
  /** To make an id of. */
  readonly name: string
  readonly notes: string[]
  uris: string[]
  readonly hosts: readonly string[]
  readonly methods: readonly string[] | undefined
  vars: readonly Condition[]
  priority: number
  /** Of this route alone. */
  readonly plugins: Plugins
  /** Of policies that other routes of the virtual host are likely to have, too. */
  readonly policies: Plugins
  /** Undefined where no upstream is asked. */
  readonly cluster: ImportedCluster | undefined
  /** Seconds; undefined leaves the default. */
  readonly readTimeout: number | undefined
  readonly enableWebsocket: boolean | undefined
  /** JSON Pointer in Envoy's file. */
  readonly path: string
}
