import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from '../harness/children.js'
import { PROXY_CORE } from '../harness/cores.js'
import { versionOf } from '../harness/programs.js'
import { IDLE_SECONDS, running } from './proxy.js'

/** @type {import('./proxy.js').Proxy} */
export const envoy = {
  name: 'envoy',
  find: () => versionOf('envoy', ['--version']),
  start(options) {
    const file = join(options.dir, 'envoy.json')
    writeFileSync(file, JSON.stringify(configuration(options)))
    const args = ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']
    return running(launch({ core: PROXY_CORE, command: 'envoy', args }))
  },
}

/** Its circuit breakers allow 1,024 connections by default, its idle upstream connections are not limited in number. */
const circuitBreakers = {
  thresholds: [{ max_connections: 65_536, max_pending_requests: 65_536, max_requests: 65_536 }],
}

/** @param {import('./proxy.js').StartOptions} options */
function configuration({ port, upstreams }) {
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'bench',
    common_http_protocol_options: { idle_timeout: `${IDLE_SECONDS}s` },
    generate_request_id: false,
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'upstream' } }] },
      ],
    },
  }
  return {
    static_resources: {
      listeners: [
        {
          address: socketAddress(port),
          filter_chains: [
            { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] },
          ],
        },
      ],
      clusters: [
        {
          name: 'upstream',
          type: 'STATIC',
          connect_timeout: '5s',
          circuit_breakers: circuitBreakers,
          load_assignment: {
            cluster_name: 'upstream',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(upstreams[0]) } }] }],
          },
        },
      ],
    },
  }
}

/** @param {number} port */
function socketAddress(port) {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}
