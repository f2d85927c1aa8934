import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from '../harness/children.js'
import { PROXY_CORE } from '../harness/cores.js'
import { versionOf } from '../harness/programs.js'
import { IDLE_SECONDS, UNLIMITED_REQUESTS, certificateOf, keepAlive, running } from './proxy.js'

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
${upgrades(scenario)}
${cache(dir, scenario)}
${upstreams.map((upstreamPort, index) => upstream(upstreamPort, index, keepAlive(scenario))).join('')}
  server {
    listen 127.0.0.1:${port} backlog=4096${scenario.front === undefined ? '' : LISTEN[scenario.front]};
${tls(scenario)}
    location / { ${scenario.back === 'grpc' ? 'grpc_pass grpc' : 'proxy_pass http'}://upstream0; }
${locations(scenario)}
  }
}
`
}

/** In 1.22 HTTP/2 is a property of the address. */
const LISTEN = { h2c: ' http2', tls: ' ssl' }

/** @param {import('./proxy.js').Setup} scenario */
function tls(scenario) {
  if (scenario.front !== 'tls') return ''
  const { cert, key } = certificateOf(scenario)
  return `    ssl_certificate ${cert};\n    ssl_certificate_key ${key};\n    ssl_protocols TLSv1.3;`
}

/**
 * @param {string} dir
 * @param {import('./proxy.js').Setup} scenario
 */
function cache(dir, scenario) {
  if (scenario.cache !== true) return ''
  return `
  proxy_cache_path ${dir}/cache keys_zone=bench:10m max_size=100m use_temp_path=off;
  proxy_cache bench;
  proxy_cache_valid 200 1h;
  proxy_cache_key $scheme$host$request_uri;
  add_header X-Cache $upstream_cache_status;`
}

/**
 * As its documentation has it for WebSocket; without, connections to the upstream are kept.
 * @param {import('./proxy.js').Setup} scenario
 */
function upgrades({ websocket = false }) {
  if (!websocket) return '  proxy_set_header Connection "";'
  return `
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;`
}

/**
 * @param {number} port
 * @param {number} index
 * @param {number} idle connections that are kept
 */
function upstream(port, index, idle) {
  return `
  upstream upstream${index} {
    server 127.0.0.1:${port};
    keepalive ${idle};
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
