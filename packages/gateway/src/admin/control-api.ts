import type { Hono } from 'hono'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { DISCOVERY_TYPES } from '../config/settings/discovery.ts'
import { KIND_SINGULAR, RESOURCE_KINDS, type ResourceKind } from '../resources/kind-names.ts'
import type { AdminEnv, AdminOptions } from './admin-options.ts'
import { cacheRoutes } from './cache/cache-routes.ts'
import { healthRoutes } from './health/health-routes.ts'
import { AdminError } from './request/admin-error.ts'
import { reply } from './request/reply.ts'
import { serverInfo } from './server-info.ts'
import { shownValue, storeKey } from './resources/envelope.ts'

/** Lists, and the path of one. */
const KINDS: readonly (readonly [list: string, one: string, kind: ResourceKind])[] = [
  ['routes', 'route', 'routes'],
  ['services', 'service', 'services'],
  ['upstreams', 'upstream', 'upstreams'],
  ['plugin_metadatas', 'plugin_metadata', 'plugin_metadata'],
]

/** `/v1/…`: what APISIX's control API tells about a node. */
export function controlApi(api: Hono<AdminEnv>, options: AdminOptions): void {
  const { control, plugins } = options
  for (const [list, one, kind] of KINDS) {
    api.get(`/${list}`, (c) => {
      const shown = shownValue(plugins)
      return reply(
        c,
        200,
        control
          .list(kind)
          .map((item) => ({ key: storeKey(kind, item.id), value: shown(item), modifiedIndex: item.revision })),
      )
    })
    api.get(`/${one}/:id`, (c) => {
      const item = control.get(kind, c.req.param('id'))
      if (item === undefined) throw new AdminError(404, `${one}[${c.req.param('id')}] not found`)
      return reply(c, 200, {
        key: storeKey(kind, item.id),
        value: shownValue(plugins)(item),
        modifiedIndex: item.revision,
      })
    })
  }
  healthRoutes(api, options)
  cacheRoutes(api, options)
  api.get('/schema', async (c) => {
    const { resourceSchemas } = await import('../resources/kinds.ts')
    const main = Object.fromEntries(RESOURCE_KINDS.map((kind) => [KIND_SINGULAR[kind], resourceSchemas[kind]]))
    const known = plugins.names().flatMap((name) => plugins.get(name) ?? [])
    const schemas = known.map((plugin) => [
      plugin.name,
      {
        priority: plugin.priority,
        schema: plugin.schema,
        consumer_schema: plugin.consumerSchema,
        metadata_schema: plugin.metadataSchema,
        type: plugin.type,
      },
    ])
    const streams = known.filter((plugin) => plugin.streams === true).map(({ name }) => name)
    return reply(c, 200, {
      main,
      plugins: Object.fromEntries(schemas),
      stream_plugins: Object.fromEntries(schemas.filter(([name]) => streams.includes(name as string))),
    })
  })
  api.get('/discovery/:type/dump', (c) => {
    const type = c.req.param('type')
    if (options.discovered === undefined || !(DISCOVERY_TYPES as readonly string[]).includes(type))
      throw new AdminError(
        404,
        `there is no service discovery of the type "${type.slice(0, 60)}": there are ${DISCOVERY_TYPES.join(', ')}`,
      )
    return reply(c, 200, options.discovered(type))
  })
  api.get('/server_info', (c) => reply(c, 200, serverInfo()))
  api.post('/gc', (c) => {
    collectGarbage()
    return reply(c, 200, { memory: process.memoryUsage() })
  })
  api.all('/*', () => {
    throw new AdminError(
      404,
      'not found: there are /v1/healthcheck, /v1/cache/purge, /v1/discovery/TYPE/dump, /v1/schema, /v1/routes, /v1/services, /v1/upstreams, /v1/plugin_metadatas, /v1/server_info and /v1/gc',
    )
  })
}

/** Of this thread. The function is there only for contexts that are made after the flag is set. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  setFlagsFromString('--no-expose-gc')
}
