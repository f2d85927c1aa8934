import type { Message } from '../reader/message.ts'
import type { ImportedCluster } from './imported-cluster.ts'

/** The clusters of a file by name. */
export class ClusterTable {
  readonly #clusters = new Map<string, ImportedCluster | undefined>()

  /** Undefined: the cluster is there, and could not be carried over. */
  set(name: string, cluster: ImportedCluster | undefined): void {
    this.#clusters.set(name, cluster)
  }

  /** The cluster that a field names. When there is none to send requests to, this is told at the field. */
  named(owner: Message, field: string): ImportedCluster | undefined {
    const name = owner.string(field) ?? ''
    const cluster = this.#clusters.get(name)
    if (cluster === undefined) {
      const reason = this.#clusters.has(name) ? 'was not carried over' : 'is not in this file'
      owner.lose(field, `the cluster "${name}" ${reason}`)
    }
    return cluster
  }

  all(): ImportedCluster[] {
    return [...this.#clusters.values()].filter((cluster) => cluster !== undefined)
  }
}
