import type { PluginSet } from '../../resources/plugin-set.ts'
import { suggest } from '../explain/suggest.ts'
import type { CheckContext } from './entry.ts'

const DEFAULT_ZONE = 'memory_cache'

/** The zone that `proxy-cache` names must be there, and be what `cache_strategy` says. */
export function checkCacheZone({ findings, settings }: CheckContext, plugins: PluginSet, base: string): void {
  const zones = settings.proxy_cache?.zones
  if (zones === undefined) return
  const config = plugins['proxy-cache'] as { cache_zone?: unknown; cache_strategy?: unknown } | undefined
  if (config === undefined || typeof config !== 'object' || config === null) return
  const { cache_zone: name = DEFAULT_ZONE, cache_strategy: strategy = 'memory' } = config
  if (typeof name !== 'string') return
  const zone = zones.find((one) => one.name === name)
  const where = `${base}/proxy-cache`
  if (zone === undefined) {
    const names = zones.map((one) => one.name)
    const meant = suggest(name, names)
    findings.add({
      path: `${where}/cache_zone`,
      value: JSON.stringify(name),
      message: 'is no cache zone of the settings',
      remedy:
        meant === undefined
          ? `add it to proxy_cache.zones; there are ${names.join(', ') || 'none'}`
          : `did you mean "${meant}"?`,
    })
    return
  }
  const is = zone.disk === undefined ? 'memory' : 'disk'
  if (is === strategy) return
  findings.add({
    path: `${where}/cache_strategy`,
    value: JSON.stringify(strategy),
    message: `the zone "${name}" is one of ${is}`,
    remedy:
      is === 'memory' ? 'give the zone a "disk_path", or write cache_strategy: memory' : 'write cache_strategy: disk',
  })
}
