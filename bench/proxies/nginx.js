import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from '../harness/children.js'
import { PROXY_CORE } from '../harness/cores.js'
import { versionOf } from '../harness/programs.js'
import { IDLE_SECONDS, KEEPALIVE, UNLIMITED_REQUESTS, running } from './proxy.js'

/** @type {import('./proxy.js').Proxy} */
export const nginx = {
  name: 'nginx',
  find: () => versionOf('nginx', ['-v']),
  start(options) {
    const file = join(options.dir, 'nginx.conf')
    writeFileSync(file, configuration(options))
    const args = ['-p', options.dir, '-e', 'stderr', '-c', file]
    const child = launch({ core: PROXY_CORE, command: 'nginx', args })
    return running(child, (scenario) => {
      writeFileSync(file, configuration({ ...options, scenario }))
      process.kill(child.pid, 'SIGHUP')
    })
  },
}

/**
 * Buffers are larger than by default (8 of 4 KB): 64 KB answers took 61 microseconds of CPU with those, 26 with
 * these, and small answers cost the same. No temporary files, as no other proxy here has them.
 * @param {import('./proxy.js').StartOptions} options
 */
function configuration({ port, upstreams, dir, scenario }) {
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `
${user}
daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
events { worker_connections ${scenario.connections * 2 + 1_024}; }
http {
  access_log off;
  keepalive_timeout ${IDLE_SECONDS}s;
  keepalive_requests ${UNLIMITED_REQUESTS};
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  proxy_max_temp_file_size 0;
  proxy_buffer_size 16k;
  proxy_buffers 16 64k;
  proxy_busy_buffers_size 128k;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
${upstreams.map(upstream).join('')}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { proxy_pass http://upstream0; }
${locations(scenario)}
  }
}
`
}

/**
 * @param {number} port
 * @param {number} index
 */
function upstream(port, index) {
  return `
  upstream upstream${index} {
    server 127.0.0.1:${port};
    keepalive ${KEEPALIVE};
    keepalive_requests ${UNLIMITED_REQUESTS};
    keepalive_timeout ${IDLE_SECONDS}s;
    keepalive_time ${IDLE_SECONDS}s;
  }`
}

/** @param {import('./proxy.js').Setup} scenario */
function locations({ routes = [], policies = false, livePath }) {
  if (policies) return ''
  const all = livePath === undefined ? routes : [...routes, { path: '/live', upstream: livePath }]
  return all.map((route) => `    location = ${route.path} { proxy_pass http://upstream${route.upstream}; }`).join('\n')
}
