import type { Fields } from '../../output/noted.ts'
import type { Resource } from '../import-context.ts'
import { isFields } from '../source/source-item.ts'

/** The setting `proxy_cache` for the zones that plugins name; undefined when none does. Their sizes stand in APISIX's `config.yaml`. */
export function cacheSetting(resources: readonly Resource[]): { zones: Fields[] } | undefined {
  const zones = new Map<string, Fields>()
  for (const { fields } of resources) {
    const { plugins } = fields
    const config = isFields(plugins) ? plugins['proxy-cache'] : undefined
    if (!isFields(config)) continue
    const { cache_zone: name, cache_strategy: strategy } = config
    if (typeof name !== 'string' || zones.has(name)) continue
    zones.set(name, strategy === 'memory' ? { name } : { name, disk_path: `./data/cache/${name}` })
  }
  return zones.size === 0 ? undefined : { zones: [...zones.values()] }
}

export const noteOnCaches = ({ zones }: { readonly zones: readonly Fields[] }): string =>
  `Cache zones have their sizes in APISIX's config.yaml, which was not read: see "proxy_cache" below (${zones.map(({ name }) => String(name)).join(', ')}).`
