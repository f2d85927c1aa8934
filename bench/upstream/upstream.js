import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LOAD_CORE } from '../harness/cores.js'
import { launch } from '../harness/children.js'
import { freePorts } from '../harness/ports.js'
import { versionOf } from '../harness/programs.js'
import { waitUntilReady } from '../harness/readiness.js'
import { LETTERS, smallBody, writeLargeBodies } from './bodies.js'

/**
 * @typedef {object} Upstream
 * @property {string} version
 * @property {number[]} ports two servers: the first answers A..., the second B...
 * @property {() => Promise<void>} stop
 */

const substitute = fileURLToPath(new URL('upstream-main.js', import.meta.url))

/**
 * nginx, which took 6.0 microseconds of CPU for an answer (HAProxy's `http-request return` 6.4, raw sockets in
 * Node.js 7.4) and sends files without copying them. Raw sockets in Node.js stand in where there is no nginx.
 * @param {string} dir
 * @returns {Promise<Upstream>}
 */
export async function startUpstream(dir) {
  const ports = await freePorts(LETTERS.length)
  const nginx = versionOf('nginx', ['-v'])
  const child = nginx === undefined ? startSubstitute(ports) : startNginx(dir, ports)
  await Promise.all(ports.map((port) => waitUntilReady(child, port, '/')))
  const version = nginx === undefined ? `node ${process.versions.node}` : `nginx ${nginx}`
  return { version, ports, stop: child.stop }
}

/** @param {number[]} ports */
function startSubstitute(ports) {
  return launch({ core: LOAD_CORE, command: process.execPath, args: [substitute, JSON.stringify(ports)] })
}

/**
 * @param {string} dir
 * @param {number[]} ports
 */
function startNginx(dir, ports) {
  writeLargeBodies(dir)
  const file = join(dir, 'nginx.conf')
  writeFileSync(file, configuration(dir, ports))
  return launch({ core: LOAD_CORE, command: 'nginx', args: ['-p', dir, '-e', 'stderr', '-c', file] })
}

/**
 * One process without a master. Idle connections stay for an hour, however many requests they had.
 * @param {string} dir
 * @param {number[]} ports
 */
function configuration(dir, ports) {
  const servers = ports.map(
    (port, index) => `
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${dir};
    location / { return 200 "${smallBody(LETTERS[index]).replace('\n', '\\n')}"; }
    location = /64k { }
    location = /1m { }
  }`,
  )
  return `
daemon off;
master_process off;
pid ${dir}/nginx.pid;
events { worker_connections 8192; multi_accept on; }
http {
  access_log off;
  default_type text/plain;
  sendfile on;
  open_file_cache max=16 inactive=1h;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
${servers.join('\n')}
}
`
}
