import { type Static, Type } from '../../schema/type.ts'
import { ConsulKvSettings, ConsulSettings } from '../../discovery/consul/consul-settings.ts'
import { DnsSettings } from '../../discovery/dns/dns-settings.ts'
import { EurekaSettings } from '../../discovery/eureka/eureka-settings.ts'
import { FileDiscoverySettings } from '../../discovery/file/file-settings.ts'
import { type ClusterSettings, KubernetesSettings } from '../../discovery/kubernetes/kubernetes-settings.ts'
import { NacosSettings } from '../../discovery/nacos/nacos-settings.ts'

/** Registries that upstreams may name by `discovery_type`. */
const sources = {
  dns: Type.Optional(DnsSettings),
  consul: Type.Optional(ConsulSettings),
  consul_kv: Type.Optional(ConsulKvSettings),
  nacos: Type.Optional(NacosSettings),
  eureka: Type.Optional(EurekaSettings),
  kubernetes: Type.Optional(KubernetesSettings),
  file: Type.Optional(FileDiscoverySettings),
}

/** Where the nodes of upstreams with a `service_name` come from. */
export const DiscoverySetting = Type.Object(
  {
    empty_after: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 86_400,
        default: 30,
        description:
          'seconds that a registry must go on saying that a service has no nodes before its last ones are given up',
      }),
    ),
    last_good: Type.Optional(
      Type.String({
        minLength: 1,
        default: './data/discovery.json',
        description: 'file with the nodes found last: what a start has while a registry is away',
      }),
    ),
    ...sources,
  },
  { additionalProperties: false, default: {}, description: 'service discovery, by the type of the registry' },
)

export const DISCOVERY_TYPES = Object.keys(sources) as readonly DiscoveryType[]
export type DiscoveryType = keyof typeof sources
type Written = Static<typeof DiscoverySetting>

/** The setting, complete. Paths are absolute. */
export interface DiscoverySettings {
  readonly emptyAfterMs: number
  readonly lastGood: string
  readonly sources: { readonly [Type in DiscoveryType]?: NonNullable<Written[Type]> }
}

/** @param at makes a path absolute */
export function discoverySettings(written: Written, at: (path: string) => string): DiscoverySettings {
  const { empty_after: emptyAfter = 30, last_good: lastGood = './data/discovery.json', ...rest } = written
  const { dns, kubernetes, file, consul, consul_kv: consulKv, nacos, eureka } = rest
  return {
    emptyAfterMs: emptyAfter * 1_000,
    lastGood: at(lastGood),
    sources: {
      ...rest,
      ...(dns?.resolv_conf === undefined ? {} : { dns: { ...dns, resolv_conf: at(dns.resolv_conf) } }),
      ...(file === undefined ? {} : { file: { path: at(file.path) } }),
      ...(kubernetes === undefined ? {} : { kubernetes: kubernetesAt(kubernetes, at) }),
      ...(consul === undefined ? {} : { consul: registryAt(consul, at) }),
      ...(consulKv === undefined ? {} : { consul_kv: registryAt(consulKv, at) }),
      ...(nacos === undefined ? {} : { nacos: registryAt(nacos, at) }),
      ...(eureka === undefined ? {} : { eureka: registryAt(eureka, at) }),
    },
  }
}

function registryAt<R extends { tls?: { ca?: string } }>(written: R, at: (path: string) => string): R {
  const ca = written.tls?.ca
  return ca === undefined ? written : { ...written, tls: { ...written.tls, ca: at(ca) } }
}

function kubernetesAt(written: KubernetesSettings, at: (path: string) => string): KubernetesSettings {
  const one = <C extends ClusterSettings>(cluster: C): C => {
    const { ca_file: ca } = cluster.service ?? {}
    const { token_file: token } = cluster.client ?? {}
    return {
      ...cluster,
      ...(ca === undefined ? {} : { service: { ...cluster.service, ca_file: at(ca) } }),
      ...(token === undefined ? {} : { client: { ...cluster.client, token_file: at(token) } }),
    }
  }
  return Array.isArray(written) ? written.map((cluster) => one(cluster)) : one(written as ClusterSettings)
}
