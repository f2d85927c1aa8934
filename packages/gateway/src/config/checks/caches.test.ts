import { expect, it } from 'vitest'
import { loadConfigText } from '../load.ts'
import { PluginRegistry } from '../../plugins/plugin-registry.ts'

const plugins = new PluginRegistry()
await plugins.loadAll()

async function problemOf(config: object, zones?: readonly object[]) {
  const { problems } = await loadConfigText(
    'test.json',
    JSON.stringify({
      ...(zones === undefined ? {} : { proxy_cache: { zones } }),
      routes: [{ uri: '/a', upstream: 'http://127.0.0.1:1', plugins: { 'proxy-cache': config } }],
    }),
    { plugins },
  )
  return problems?.map(({ path, message, remedy }) => `${path}: ${message}; ${remedy}`).join('\n')
}

const DISK = { name: 'disk', disk_path: './cache', disk_size: '10m' }

it.each([
  [{}, undefined, undefined],
  [{ cache_zone: 'disk', cache_strategy: 'disk' }, [DISK], undefined],
  [
    { cache_zone: 'memory_cach' },
    undefined,
    '/routes/0/plugins/proxy-cache/cache_zone: is no cache zone of the settings; did you mean "memory_cache"?',
  ],
  [
    { cache_strategy: 'disk' },
    undefined,
    '/routes/0/plugins/proxy-cache/cache_strategy: the zone "memory_cache" is one of memory; give the zone a "disk_path", or write cache_strategy: memory',
  ],
  [
    { cache_zone: 'disk' },
    [DISK],
    '/routes/0/plugins/proxy-cache/cache_strategy: the zone "disk" is one of disk; write cache_strategy: disk',
  ],
])('%j with %j', async (config, zones, expected) => {
  expect(await problemOf(config, zones)).toBe(expected)
})
