import { body1m, body64k } from './bodies.js'
import { get } from './get.js'
import { idle } from './idle.js'
import { latency70 } from './latency-70.js'
import { post } from './post.js'
import { reload } from './reload.js'
import { router } from './router.js'
import { routes1000 } from './routes-1000.js'

/** In the order of the report. @type {readonly import('./scenario.js').Scenario[]} */
export const scenarios = [get, post, body64k, body1m, routes1000, latency70, router, reload, idle]
