import { fieldPath, type ImportContext, type Resource } from '../import-context.ts'
import { readEmbeddedUpstream } from './upstream.ts'

/** Of a script it cannot be told what it decides. */
const SCRIPT = 'its script'

/** Reads a route, in place. Returns whether it stays: without one of its conditions it would take more requests. */
export function readRoute(route: Resource, context: ImportContext): boolean {
  const { fields } = route
  const { report } = context
  if (fields['filter_func'] !== undefined) {
    const path = fieldPath(route, 'filter_func')
    report.add(
      'not carried over',
      path,
      'it is Lua, and JavaScript here: without it the route would match more, so it is left out',
    )
    return false
  }
  readScript(route, context)
  readEmbeddedUpstream(route, context)
  if ([fields['uri'], fields['uris']].flat().some((uri) => /\/:/.test(String(uri)))) {
    const message =
      'a segment that begins with ":" is a parameter here; in APISIX only with "radixtree_uri_with_parameter"'
    report.warnOnce('parameters', fieldPath(route, fields['uri'] === undefined ? 'uris' : 'uri'), message)
  }
  return true
}

/** Routes and services may be a script instead of plugins. */
export function readScript(resource: Resource, { report }: ImportContext): void {
  for (const name of ['script', 'script_id']) {
    if (resource.fields[name] === undefined) continue
    delete resource.fields[name]
    report.add('not carried over', fieldPath(resource, name), 'it is Lua; write a plugin in TypeScript')
    resource.lostGuards.add(SCRIPT)
  }
}
