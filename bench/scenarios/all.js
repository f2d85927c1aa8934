import { body1m, body64k } from './bodies.js'
import { cacheHit } from './cache-hit.js'
import { get } from './get.js'
import { grpc } from './grpc.js'
import { h2Body1m, h2Get } from './h2.js'
import { idle } from './idle.js'
import { latency70 } from './latency-70.js'
import { post } from './post.js'
import { reload } from './reload.js'
import { router } from './router.js'
import { routes1000 } from './routes-1000.js'
import { slowNode } from './slow-node.js'
import { tlsGet } from './tls-get.js'
import { websocket } from './websocket.js'

/** In the order of the report. @type {readonly import('./scenario.js').Scenario[]} */
export const scenarios = [
  get,
  cacheHit,
  post,
  body64k,
  body1m,
  tlsGet,
  h2Get,
  h2Body1m,
  grpc,
  websocket,
  routes1000,
  latency70,
  slowNode,
  router,
  reload,
  idle,
]
