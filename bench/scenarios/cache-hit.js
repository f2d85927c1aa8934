import { CLIENTS, throughput } from './throughput.js'

/** @type {import('./scenario.js').Scenario} */
export const cacheHit = {
  name: 'cache-hit',
  title: 'cache hits',
  summary:
    'plain GET of one resource that is in the cache: proxy-cache in memory, nginx with proxy_cache. The upstream is asked once.',
  proxies: ['ours', 'nginx'],
  run: throughput({ setup: { connections: CLIENTS, cache: true } }),
}
