import type { DiscoverySettings } from '../config/settings/discovery.ts'
import type { DiscoverySource } from './source.ts'

/** The source of a type, as the settings have it; undefined when they have none. What is not used is not loaded. */
export async function openSource(type: string, { sources }: DiscoverySettings): Promise<DiscoverySource | undefined> {
  const { consul, consul_kv: consulKv, nacos, eureka, kubernetes, file } = sources
  switch (type) {
    case 'dns':
      return new (await import('./dns/dns-source.ts')).DnsSource(sources.dns ?? {})
    case 'consul':
      return consul && new (await import('./consul/consul-source.ts')).ConsulSource(consul)
    case 'consul_kv':
      return consulKv && new (await import('./consul/consul-kv-source.ts')).ConsulKvSource(consulKv)
    case 'nacos':
      return nacos && new (await import('./nacos/nacos-source.ts')).NacosSource(nacos)
    case 'eureka':
      return eureka && new (await import('./eureka/eureka-source.ts')).EurekaSource(eureka)
    case 'kubernetes':
      return kubernetes && new (await import('./kubernetes/kubernetes-source.ts')).KubernetesSource(kubernetes)
    case 'file':
      return file && new (await import('./file/file-source.ts')).FileSource(file)
    default:
      return undefined
  }
}
