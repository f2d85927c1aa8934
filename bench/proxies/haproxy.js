import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from '../harness/children.js'
import { PROXY_CORE } from '../harness/cores.js'
import { versionOf } from '../harness/programs.js'
import { IDLE_SECONDS, certificateOf, keepAlive, running } from './proxy.js'

/** @type {import('./proxy.js').Proxy} */
export const haproxy = {
  name: 'haproxy',
  find: () => versionOf('haproxy', ['-v']),
  start(options) {
    const file = join(options.dir, 'haproxy.cfg')
    writeFileSync(file, configuration(options))
    return running(launch({ core: PROXY_CORE, command: 'haproxy', args: ['-db', '-f', file] }))
  },
}

/**
 * `no strict-limits`: it reserves two files per connection beforehand and would refuse to start where only one is
 * ever needed. `http-reuse always` shares upstream connections among clients as all the others do.
 * @param {import('./proxy.js').StartOptions} options
 */
function configuration({ port, upstreams, scenario }) {
  return `
global
  nbthread 1
  maxconn ${scenario.connections + 1_024}
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client ${IDLE_SECONDS}s
  timeout server 60s
  timeout tunnel ${IDLE_SECONDS}s
  timeout http-keep-alive ${IDLE_SECONDS}s
  http-reuse always
frontend clients
  bind 127.0.0.1:${port} backlog 4096${front(scenario)}
  default_backend upstream
backend upstream
  server one 127.0.0.1:${upstreams[0]} pool-max-conn ${keepAlive(scenario)} pool-purge-delay ${IDLE_SECONDS}s${scenario.back === undefined ? '' : ' proto h2'}
`
}

/** Its certificate file holds the key as well. @param {import('./proxy.js').Setup} scenario */
function front(scenario) {
  if (scenario.front === 'h2c') return ' proto h2'
  if (scenario.front === 'tls') return ` ssl crt ${certificateOf(scenario).both} ssl-min-ver TLSv1.3 alpn http/1.1`
  return ''
}
