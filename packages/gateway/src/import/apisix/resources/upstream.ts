import type { Fields } from '../../output/noted.ts'
import { fieldPath, type ImportContext, type Resource } from '../import-context.ts'
import { keepService } from '../output/discovery.ts'
import { isFields } from '../source/source-item.ts'
import { dropTimes } from './fields.ts'

/** Schemes that this gateway does not speak to upstreams. */
const UNKNOWN_SCHEMES: ReadonlySet<unknown> = new Set(['kafka'])
const SECURE: ReadonlySet<unknown> = new Set(['https', 'grpcs', 'tls'])

/** Reads an upstream, in place. `path` is its own, which may be within a route. */
export function readUpstream(upstream: Fields, path: string, resource: Resource, { report }: ImportContext): void {
  dropTimes(upstream)
  const asked = upstream['service_name'] !== undefined || upstream['discovery_type'] !== undefined
  if (asked && keepService(upstream, path, { report })) {
    report.warnOnce(
      'discovery',
      `${path}/discovery_type`,
      'the registry stands in the config.yaml of APISIX: write it into "discovery"',
    )
  } else if (asked) {
    const name = String(upstream['service_name'])
    report.add(
      'not carried over',
      `${path}/service_name`,
      `service discovery (${String(upstream['discovery_type'])}): list the nodes. Until then requests are answered with 503`,
    )
    resource.notes.push(`APISIX discovered the nodes of "${name.replaceAll(/[^ -~]/g, '?')}": list them here.`)
    for (const field of ['service_name', 'discovery_type', 'discovery_args']) delete upstream[field]
    upstream['nodes'] ??= {}
  }
  if (UNKNOWN_SCHEMES.has(upstream['scheme'])) {
    report.add(
      'not carried over',
      `${path}/scheme`,
      `there are no upstreams of the scheme "${String(upstream['scheme'])}"`,
    )
    delete upstream['scheme']
    upstream['nodes'] = {}
  }
  // An empty table of Lua may have become a list, and the other way round; both are no nodes.
  if (upstream['nodes'] === null) upstream['nodes'] = {}
  if (SECURE.has(upstream['scheme'])) warnOfVerification(upstream, path, report)
}

function warnOfVerification(upstream: Fields, path: string, report: ImportContext['report']): void {
  const tls = upstream['tls']
  if (isFields(tls) && tls['verify'] !== undefined) return
  report.warnOnce(
    'verify',
    path,
    'APISIX does not verify the certificate of an upstream. Sekisho does, unless "tls: { verify: false }" is written',
  )
}

/** Reads the upstream within a route or service. */
export function readEmbeddedUpstream(resource: Resource, context: ImportContext): void {
  const { upstream } = resource.fields
  if (isFields(upstream)) readUpstream(upstream as Fields, fieldPath(resource, 'upstream'), resource, context)
}
