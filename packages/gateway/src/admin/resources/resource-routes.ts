import type { AdminContext, AdminOptions, AdminRouter } from '../admin-options.ts'
import { refuseReadOnly } from '../changes/commit.ts'
import { credentialRoutes } from './credentials.ts'
import { readResources } from './read-resources.ts'
import { pathParts, type ResourceTarget, resourceTarget } from './resource-target.ts'
import { deleteResource, patchResource, postResource, putResource } from './write-resources.ts'

type Write = (c: AdminContext, options: AdminOptions, target: ResourceTarget) => Promise<Response>

const WRITES: Readonly<Record<string, Write>> = {
  PUT: putResource,
  POST: postResource,
  PATCH: patchResource,
  DELETE: deleteResource,
}

/** `/routes`, `/routes/1`, … for every kind. Mounted last: what has a name of its own comes first. */
export function resourceRoutes(api: AdminRouter, options: AdminOptions): void {
  api.all('/*', (c) => {
    const method = c.req.method === 'HEAD' ? 'GET' : c.req.method
    const parts = pathParts(c)
    if (parts[0] === 'consumers' && parts[2] === 'credentials')
      return credentialRoutes(c, options, [parts[1] ?? '', ...parts.slice(3)])
    const target = resourceTarget(parts, method)
    const write = WRITES[method]
    if (write === undefined) return readResources(c, options, target)
    refuseReadOnly(options)
    return write(c, options, target)
  })
}
