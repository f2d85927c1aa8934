import { caddy } from './caddy.js'
import { envoy } from './envoy.js'
import { fastify } from './fastify.js'
import { framework } from './framework.js'
import { haproxy } from './haproxy.js'
import { httpProxy3 } from './http-proxy-3.js'
import { nginx } from './nginx.js'
import { nodeHttp2 } from './node-http2.js'
import { ours } from './ours.js'
import { undici } from './undici.js'

/** In the order of the tables. @type {readonly import('./proxy.js').Proxy[]} */
export const proxies = [ours, framework, nginx, haproxy, caddy, envoy, undici, fastify, httpProxy3, nodeHttp2]
