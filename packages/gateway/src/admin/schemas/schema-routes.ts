import { KIND_SINGULAR, RESOURCE_KINDS, type ResourceKind } from '../../resources/kind-names.ts'
import { idField } from '../../resources/identity.ts'
import type { AdminOptions, AdminRouter } from '../admin-options.ts'
import { AdminError, badRequest, invalid } from '../request/admin-error.ts'
import { type Fields, readObject } from '../request/read-body.ts'
import { reply } from '../request/reply.ts'
import { pluginSchema } from './plugin-routes.ts'

/** `/schema/{kind}`, `/schema/plugins/{name}`, `/schema/sekisho.json`, `/schema/validate/{kind}`, `/openapi.json`. */
export function schemaRoutes(api: AdminRouter, options: AdminOptions): void {
  api.get('/schema/sekisho.json', async (c) => {
    const { jsonSchemaOfConfig } = await import('../../config/json-schema.ts')
    return reply(c, 200, jsonSchemaOfConfig(options.plugins))
  })
  api.get('/openapi.json', async (c) => {
    const { openApi } = await import('./open-api.ts')
    return reply(c, 200, openApi(options.plugins))
  })
  api.get('/schema/plugins/:name', (c) => reply(c, 200, pluginSchema(c, options, c.req.param('name'))))
  api.get('/schema/:kind', async (c) => {
    const kind = kindNamed(c.req.param('kind'))
    if (kind === undefined) {
      const known = RESOURCE_KINDS.map((name) => KIND_SINGULAR[name]).join(', ')
      throw badRequest(`not found schema: ${c.req.param('kind')}; there are ${known}`)
    }
    if (kind === 'secrets')
      return reply(c, 200, { oneOf: Object.values((await import('../../resources/secret.ts')).managerSchemas) })
    return reply(c, 200, (await import('../../resources/kinds.ts')).resourceSchemas[kind])
  })
  api.post('/schema/validate/:kind', async (c) => {
    const kind = kindNamed(c.req.param('kind'))
    if (kind === undefined)
      throw new AdminError(404, `not found: there is no resource type "${c.req.param('kind')}" to validate`)
    const problems = await schemaProblems(kind, await readObject(c), options)
    if (problems.length > 0) throw invalid(problems)
    return c.body(null, 200)
  })
}

const kindNamed = (name: string): ResourceKind | undefined =>
  RESOURCE_KINDS.find((kind) => kind === name || KIND_SINGULAR[kind] === name)

/** What is wrong with one resource by the schemas alone: its own, and those of its plugins. */
async function schemaProblems(kind: ResourceKind, body: Fields, options: AdminOptions) {
  const { schemaOf } = await import('../../resources/kinds.ts')
  const { explainSchema } = await import('../../config/explain/explain.ts')
  const { Findings } = await import('../../config/problem.ts')
  const { checkPluginSet } = await import('../../config/checks/plugin-set.ts')
  const findings = new Findings()
  // As in a list: only what has to be there anyway must be written.
  const named =
    kind === 'consumers' || kind === 'secrets' || body['id'] !== undefined ? body : { [idField(kind)]: '1', ...body }
  for (const finding of explainSchema(schemaOf(kind, named), named, '')) findings.add(finding)
  const plugins = body['plugins']
  if (findings.list.length === 0 && plugins !== undefined) {
    const allowed = options.allowedPlugins && new Set(options.allowedPlugins)
    const settings = { listen: undefined, acme: undefined }
    const context = { plugins: options.plugins, allowed, settings, findings }
    checkPluginSet(
      context as unknown as Parameters<typeof checkPluginSet>[0],
      plugins as Parameters<typeof checkPluginSet>[1],
      '/plugins',
      kind === 'consumers',
    )
  }
  return findings.list.map(({ path, value, message, remedy }) => ({
    file: '',
    line: 0,
    column: 0,
    path,
    value,
    message,
    remedy,
    source: undefined,
  }))
}
