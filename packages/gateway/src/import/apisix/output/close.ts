import { type ImportContext, fieldPath, type Resource } from '../import-context.ts'
import type { Fields } from '../../output/noted.ts'
import { isFields } from '../source/source-item.ts'

/** Answers before anything else of a route does, and is there always. */
const CLOSER = 'fault-injection'
const STATUS = 503
const BODY = '{"error_msg":"closed by the import from APISIX: '

/**
 * Shuts what was guarded by something that is not here: whoever lets the result run without reading what was told opens nothing. A resource is
 * shut where its guard stood; a route with a `fault-injection` of its own, which would go before that, as well.
 */
export function closeUnguarded(context: ImportContext): void {
  const closed = new Map<string, ReadonlySet<string>>()
  for (const resource of [...context.resources]) {
    if (resource.lostGuards.size === 0) continue
    if (resource.kind === 'stream_routes') {
      leaveOut(resource, context)
      continue
    }
    close(resource, context)
    closed.set(`${resource.kind}/${String(resource.fields['id'])}`, resource.lostGuards)
  }
  for (const route of context.resources) {
    if (route.kind !== 'routes' || route.lostGuards.size > 0) continue
    const { service_id: service, plugin_config_id: config, plugins } = route.fields
    const guards = closed.get(`services/${String(service)}`) ?? closed.get(`plugin_configs/${String(config)}`)
    if (guards === undefined || !isFields(plugins) || plugins[CLOSER] === undefined) continue
    for (const guard of guards) route.lostGuards.add(guard)
    close(route, context)
  }
}

/** No plugin answers in the place of a stream route's upstream: without its guard it cannot be there. */
function leaveOut(route: Resource, { resources, report }: ImportContext): void {
  resources.splice(resources.indexOf(route), 1)
  const guards = [...route.lostGuards].join(', ')
  report.add(
    'not carried over',
    route.path,
    `${guards} decided who may in, and could not be carried over: the stream route is left out`,
  )
}

/** The comment above what is shut. */
export const closedNote = ({ lostGuards }: Resource): string =>
  `Closed: ${[...lostGuards].join(', ')} decided who may in, and could not be carried over. Put something in its place, and remove "${CLOSER}".`

function close(resource: Resource, { report }: ImportContext): void {
  const plugins = (resource.fields['plugins'] ??= {}) as Record<string, Fields>
  const there = plugins[CLOSER]
  if (there !== undefined && !isOurs(there))
    report.add(
      'not carried over',
      fieldPath(resource, 'plugins', CLOSER),
      'its place is needed to shut what lost its guard',
    )
  const body = `${BODY}${[...resource.lostGuards].join(', ')} decided who may in, and could not be carried over"}\n`
  const abort = { http_status: STATUS, body, headers: { 'Content-Type': 'application/json' } }
  resource.fields['plugins'] = { ...plugins, [CLOSER]: { abort } }
}

function isOurs({ abort }: Fields): boolean {
  return isFields(abort) && String(abort['body']).startsWith(BODY)
}
