import { CLIENTS, throughput } from './throughput.js'

/** As many as routes.lua asks for. */
const routes = Array.from({ length: 1_000 }, (_, index) => ({ path: `/r/${index}`, upstream: 0 }))

/** @type {import('./scenario.js').Scenario} */
export const routes1000 = {
  name: 'routes-1000',
  title: '1,000 routes with three plugins',
  summary:
    'Ours has key-auth, limit-count and prometheus on each of 1,000 routes. nginx and HAProxy are bare: they send everything to one upstream and do none of it. The load asks for the 1,000 paths in turn.',
  proxies: ['ours', 'nginx', 'haproxy'],
  run: throughput({ script: 'routes.lua', setup: { connections: CLIENTS, routes, policies: true } }),
}
