import type { ImportContext } from '../import-context.ts'
import { isFields } from '../source/source-item.ts'

/** Routes of which nothing is left: all that they did, a plugin did that is not here. Requests get the same 404 as where there is no route. */
export function leaveOutEmpty({ resources, report }: ImportContext): void {
  for (const resource of [...resources]) {
    const { kind, fields, lostGuards, path } = resource
    if (kind !== 'routes' || lostGuards.size > 0) continue
    const { upstream, upstream_id: id, service_id: service, plugin_config_id: config, plugins } = fields
    if ([upstream, id, service, config].some((field) => field !== undefined)) continue
    if (!isFields(plugins) || Object.keys(plugins).length > 0) continue
    resources.splice(resources.indexOf(resource), 1)
    report.add('not carried over', path, 'without its plugins the route does nothing, and is left out')
  }
}
