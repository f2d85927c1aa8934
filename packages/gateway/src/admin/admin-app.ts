import { Hono } from 'hono'
import { VERSION } from '../version.ts'
import { authorise, onlyFrom } from './access/authorise.ts'
import type { AdminEnv, AdminOptions } from './admin-options.ts'
import { eventRoutes } from './changes/event-routes.ts'
import { historyRoutes } from './changes/history-routes.ts'
import { transactionRoutes } from './changes/transaction-routes.ts'
import { controlApi } from './control-api.ts'
import { explainRoute } from './explain-route.ts'
import { AdminError } from './request/admin-error.ts'
import { reply } from './request/reply.ts'
import { resourceRoutes } from './resources/resource-routes.ts'
import { pluginRoutes } from './schemas/plugin-routes.ts'
import { schemaRoutes } from './schemas/schema-routes.ts'

/** For what is over soon: a store that is away, somebody else who writes the same. */
const RETRY_AFTER_SECONDS = '1'

const PREFIXES = ['/apisix/admin', '/admin'] as const

/**
 * The Admin API: APISIX's, and more, against a control plane. Knows no sockets: `app.request(path, init)` asks it, and so does a server
 * (`server/admin-server.ts`).
 */
export function createAdminApp(options: AdminOptions): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>()
  app.use(async (c, next) => {
    await next()
    c.header('server', `sekisho/${VERSION}`)
    c.header('x-api-version', 'v3')
    c.header('x-content-type-options', 'nosniff')
    if (c.res.headers.get('cache-control') === null) c.header('cache-control', 'no-store')
  })
  if (options.allowAdmin !== undefined) app.use(onlyFrom(options.allowAdmin))
  for (const prefix of PREFIXES) app.use(`${prefix}/*`, authorise(options))
  app.use('/v1/*', authorise(options))

  const api = new Hono<AdminEnv>()
  api.get('/', (c) => c.body(null, 200))
  pluginRoutes(api, options)
  schemaRoutes(api, options)
  historyRoutes(api, options)
  transactionRoutes(api, options)
  eventRoutes(api, options)
  explainRoute(api, options)
  resourceRoutes(api, options)
  for (const prefix of PREFIXES) app.route(prefix, api)

  const v1 = new Hono<AdminEnv>()
  controlApi(v1, options)
  app.route('/v1', v1)

  app.notFound((c) => reply(c, 404, { error_msg: 'not found: the Admin API is at /apisix/admin and /admin' }))
  app.onError((error, c) => {
    if (error instanceof AdminError) {
      const { status, message, problems, headers } = error
      const body = { error_msg: message, ...(problems === undefined ? {} : { problems }) }
      return reply(c, status, body, status === 503 ? { 'retry-after': RETRY_AFTER_SECONDS, ...headers } : headers)
    }
    options.logger.error({ err: error, path: c.req.path }, 'a request to the Admin API failed')
    return reply(c, 500, { error_msg: 'the request failed for a reason that stands in the error log' })
  })
  return app
}
