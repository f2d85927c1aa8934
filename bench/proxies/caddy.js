import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from '../harness/children.js'
import { PROXY_CORE } from '../harness/cores.js'
import { versionOf } from '../harness/programs.js'
import { IDLE_SECONDS, KEEPALIVE, running } from './proxy.js'

/** @type {import('./proxy.js').Proxy} */
export const caddy = {
  name: 'caddy',
  find: () => versionOf('caddy', ['version']),
  start(options) {
    const file = join(options.dir, 'Caddyfile')
    writeFileSync(file, configuration(options))
    const args = ['run', '--config', file, '--adapter', 'caddyfile']
    const env = { HOME: options.dir, XDG_DATA_HOME: options.dir, XDG_CONFIG_HOME: options.dir, GOMAXPROCS: '1' }
    return running(launch({ core: PROXY_CORE, command: 'caddy', args, env }))
  },
}

/**
 * `compression off`: otherwise it asks the upstream for gzip on its own account.
 * @param {import('./proxy.js').StartOptions} options
 */
function configuration({ port, upstreams }) {
  return `
{
  admin off
  auto_https off
  log {
    level ERROR
  }
  servers {
    timeouts {
      idle ${IDLE_SECONDS}s
    }
  }
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${upstreams[0]} {
    transport http {
      compression off
      keepalive ${IDLE_SECONDS}s
      keepalive_idle_conns ${KEEPALIVE}
      keepalive_idle_conns_per_host ${KEEPALIVE}
    }
  }
}
`
}
