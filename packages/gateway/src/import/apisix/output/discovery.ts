import type { Fields } from '../../output/noted.ts'
import type { ImportContext, Resource } from '../import-context.ts'
import { isFields } from '../source/source-item.ts'

/** What stands in for the registries of APISIX's `config.yaml`: their usual ports on this machine. */
const REGISTRIES: Readonly<Record<string, Fields>> = {
  dns: {},
  consul: { servers: ['http://127.0.0.1:8500'] },
  consul_kv: { servers: ['http://127.0.0.1:8500'] },
  nacos: { host: ['http://127.0.0.1:8848'] },
  eureka: { host: ['http://127.0.0.1:8761'] },
  kubernetes: {},
}

/** Which arguments of a service a registry knows. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = { nacos: ['namespace_id', 'group_name'] }

/** Keeps the service of an upstream as it is, but for arguments that have no meaning. Returns false where that cannot be. */
export function keepService(upstream: Fields, path: string, { report }: Pick<ImportContext, 'report'>): boolean {
  const { service_name: name, discovery_type: type, discovery_args: args, nodes } = upstream
  if (typeof name !== 'string' || typeof type !== 'string' || !Object.hasOwn(REGISTRIES, type) || nodes !== undefined)
    return false
  if (!isFields(args)) return true
  for (const key of Object.keys(args)) {
    if (ARGUMENTS[type]?.includes(key) === true) continue
    report.add('warning', `${path}/discovery_args/${key}`, `has no meaning for "${type}", and is left out`)
    delete (args as Fields)[key]
  }
  return true
}

/** The setting `discovery` for what is asked for; undefined when that is nothing. */
export function discoverySetting(resources: readonly Resource[]): Record<string, Fields> | undefined {
  const types = new Set<string>()
  for (const { kind, fields } of resources) {
    const upstream = kind === 'upstreams' ? fields : fields['upstream']
    if (isFields(upstream) && typeof upstream['discovery_type'] === 'string') types.add(upstream['discovery_type'])
  }
  const used = Object.keys(REGISTRIES).filter((type) => types.has(type))
  return used.length === 0 ? undefined : Object.fromEntries(used.map((type) => [type, REGISTRIES[type]]))
}

/** What is said once of all registries. */
export function noteOnDiscovery(setting: Record<string, Fields>): string {
  const names = Object.keys(setting).join(', ')
  return `The registries of APISIX stand in its config.yaml, which was not read: write its "discovery" (${names}) below. What stands there is a guess.`
}
