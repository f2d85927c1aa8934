import type { DiscoverySource, ServiceArgs, ServiceListener } from '../source.ts'
import { Cluster } from './cluster.ts'
import type { ClusterSettings, KubernetesSettings } from './kubernetes-settings.ts'

const NAME = /^(?:([a-z0-9]{1,64})\/)?([a-z0-9][a-z0-9-]*)\/([a-z0-9][a-z0-9.-]*)(?::([a-z0-9-]+))?$/

/** Services of Kubernetes, by their EndpointSlices: `[CLUSTER/]NAMESPACE/SERVICE[:PORT]`, the port by name or number. */
export class KubernetesSource implements DiscoverySource {
  /** By id; '' where there is one without. */
  private readonly clusters: ReadonlyMap<string, Cluster>

  constructor(settings: KubernetesSettings, environment: NodeJS.ProcessEnv = process.env) {
    const list: readonly ClusterSettings[] = Array.isArray(settings) ? settings : [settings as ClusterSettings]
    this.clusters = new Map(list.map((one) => [one.id ?? '', new Cluster(one, environment)]))
  }

  async open(): Promise<void> {
    await Promise.all([...this.clusters.values()].map((cluster) => cluster.open()))
  }

  watch(service: string, _args: ServiceArgs, listener: ServiceListener): () => void {
    const match = NAME.exec(service)
    if (match === null)
      throw new Error('its name is not of the form "NAMESPACE/SERVICE:PORT", nor "CLUSTER/NAMESPACE/SERVICE:PORT"')
    const [, id = '', namespace, name, port = ''] = match
    const cluster = this.clusters.get(id)
    if (cluster === undefined) {
      const ids = [...this.clusters.keys()].filter((one) => one !== '').join('", "')
      throw new Error(
        ids === ''
          ? `there is one cluster, without an id: leave "${id}/" out`
          : `its name must begin with one of "${ids}" and "/"`,
      )
    }
    return cluster.follow(`${namespace}/${name}`, port, listener)
  }

  close(): Promise<void> {
    for (const cluster of this.clusters.values()) cluster.close()
    return Promise.resolve()
  }
}
