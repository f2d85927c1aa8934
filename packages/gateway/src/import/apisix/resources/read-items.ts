import { RESOURCE_KINDS, type ResourceKind } from '../../../resources/kind-names.ts'
import type { ImportContext, Resource } from '../import-context.ts'
import { fieldPath } from '../import-context.ts'
import { adjustMetadata } from '../plugins/adjust-loggers.ts'
import { settleEmptyTables } from '../plugins/empty-tables.ts'
import { readPlugins } from '../plugins/plugin-set.ts'
import type { SourceItem } from '../source/source-item.ts'
import { addCredentials, isCredentialItem, readConsumer } from './consumers.ts'
import { dropEmpty, dropTimes } from './fields.ts'
import { readRoute, readScript } from './route.ts'
import { readSsl } from './ssl.ts'
import { readEmbeddedUpstream, readUpstream } from './upstream.ts'

/** Brings resources of APISIX into the form that they have here. */
export function readItems(items: readonly SourceItem[], context: ImportContext): void {
  for (const item of items) if (!isCredentialItem(item)) readItem(item, context)
  addCredentials(items.filter(isCredentialItem), context)
}

function readItem({ kind, path, value }: SourceItem, context: ImportContext): void {
  if (!isKind(kind)) return context.report.add('not carried over', path, `there are no ${kind} in this version`)
  const resource: Resource = {
    kind,
    path,
    fields: structuredClone(value),
    notes: [],
    lostGuards: new Set(),
    moved: new Map(),
  }
  dropTimes(resource.fields)
  dropEmpty(resource.fields)
  if (!readKind(resource, context)) return
  if (kind === 'plugin_metadata') {
    const schema = context.plugins.get(String(resource.fields['id']))?.metadataSchema
    if (schema !== undefined) settleEmptyTables(schema, resource.fields)
    adjustMetadata(resource.fields['id'], resource.fields, path, context.report)
  } else readPlugins(resource, context)
  context.resources.push(resource)
}

const isKind = (name: string): name is ResourceKind => (RESOURCE_KINDS as readonly string[]).includes(name)

/** Returns whether the resource stays. */
function readKind(resource: Resource, context: ImportContext): boolean {
  switch (resource.kind) {
    case 'routes':
      return readRoute(resource, context)
    case 'services':
      readScript(resource, context)
      readEmbeddedUpstream(resource, context)
      return true
    case 'upstreams':
      readUpstream(resource.fields, resource.path, resource, context)
      return true
    case 'stream_routes':
      return readStreamRoute(resource, context)
    case 'ssls':
      readSsl(resource, context)
      return true
    case 'consumers':
      readConsumer(resource)
      return true
    case 'secrets':
      readSecret(resource, context)
      return true
    default:
      return true
  }
}

/** Certificates of secret managers are verified always. */
function readSecret(resource: Resource, { report }: ImportContext): void {
  const { fields } = resource
  if (fields['ssl_verify'] === false)
    report.add(
      'not carried over',
      fieldPath(resource, 'ssl_verify'),
      'certificates are verified here; write the authority into "ca"',
    )
  delete fields['ssl_verify']
}

function readStreamRoute(resource: Resource, context: ImportContext): boolean {
  readEmbeddedUpstream(resource, context)
  if (resource.fields['protocol'] === undefined) return true
  const message = 'protocols within TCP (xRPC) are not read here: the route is left out'
  context.report.add('not carried over', fieldPath(resource, 'protocol'), message)
  return false
}
