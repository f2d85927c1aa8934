import type { PluginDefinition } from '../../plugins/definition.ts'
import type { AdminContext, AdminOptions, AdminRouter } from '../admin-options.ts'
import { AdminError, badRequest } from '../request/admin-error.ts'
import { flag } from '../request/query.ts'
import { reply } from '../request/reply.ts'

/** `/plugins/list`, `/plugins/{name}`, `/plugins?all=true`, `/plugins/reload`. */
export function pluginRoutes(api: AdminRouter, options: AdminOptions): void {
  api.get('/plugins/list', (c) => {
    const found = usable(options, subsystem(c))
    return reply(
      c,
      200,
      found.toSorted((a, b) => b.priority - a.priority).map(({ name }) => name),
    )
  })
  api.all('/plugins/reload', async (c) => {
    if (c.req.method !== 'PUT')
      throw new AdminError(405, `please use PUT method to reload the plugins, ${c.req.method} method is not allowed.`, {
        headers: { allow: 'PUT' },
      })
    await options.reloadPlugins?.()
    return c.text('done')
  })
  api.get('/plugins/:name', (c) => reply(c, 200, pluginSchema(c, options, c.req.param('name'))))
  api.get('/plugins', (c) => {
    if (!flag(c, 'all')) throw badRequest('add "?all=true" for all plugins, or ask for /plugins/list or /plugins/NAME')
    const found = usable(options, subsystem(c))
    return reply(c, 200, Object.fromEntries(found.map((plugin) => [plugin.name, described(plugin)])))
  })
}

/** The JSON Schema of a plugin's configuration; `?schema_type=consumer` or `metadata` for the others that it has. */
export function pluginSchema(c: AdminContext, options: AdminOptions, name: string): unknown {
  const where = subsystem(c)
  const plugin = usable(options, where).find((one) => one.name === name)
  if (plugin === undefined) {
    throw new AdminError(404, `plugin not found in subsystem ${where}; GET /apisix/admin/plugins/list names them all`)
  }
  const type = c.req.query('schema_type')
  if (type === undefined) return plugin.schema
  const schema = type === 'consumer' ? plugin.consumerSchema : type === 'metadata' ? plugin.metadataSchema : undefined
  if (schema === undefined) throw badRequest(`invalid argument schema_type: plugin ${name} has no schema "${type}"`)
  return schema
}

type Subsystem = 'http' | 'stream'

function subsystem(c: AdminContext): Subsystem {
  const written = c.req.query('subsystem') ?? 'http'
  if (written === 'http' || written === 'stream') return written
  throw badRequest('invalid subsystem passed: write "http" or "stream"')
}

/** Plugins that this node allows. */
function usable({ plugins, allowedPlugins }: AdminOptions, where: Subsystem): PluginDefinition[] {
  return plugins
    .names()
    .filter((name) => allowedPlugins === undefined || allowedPlugins.includes(name))
    .map((name) => plugins.get(name))
    .filter((plugin) => plugin !== undefined)
    .filter(({ streams }) => where === 'http' || streams === true)
}

const described = (plugin: PluginDefinition): object => ({
  priority: plugin.priority,
  type: plugin.type,
  schema: plugin.schema,
  consumer_schema: plugin.consumerSchema,
  metadata_schema: plugin.metadataSchema,
})
