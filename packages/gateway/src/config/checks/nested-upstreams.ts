import type { NestedUpstream } from '../../plugins/definition.ts'
import { nestedParts } from '../../plugins/plugin-uses.ts'
import { isStreamScheme } from '../../resources/normalise-stream-route.ts'
import type { PluginSet } from '../../resources/plugin-set.ts'
import type { Upstream } from '../../resources/upstream.ts'
import type { PluginLookup } from '../plugin-lookup.ts'
import { checkService } from './discovery.ts'
import type { CheckContext, Entry } from './entry.ts'
import { checkReference } from './references.ts'
import { checkClientSsl } from './ssls.ts'
import { checkUpstream } from './upstreams.ts'

/** The upstreams within the plugins of a resource; paths begin at `plugins` of it. */
export function nestedUpstreams({ kind, item }: Entry, plugins: PluginLookup): readonly NestedUpstream[] {
  const set = kind === 'plugin_metadata' ? undefined : (item['plugins'] as PluginSet | undefined)
  return set === undefined ? [] : nestedParts(plugins, set).upstreams
}

/** An upstream within a plugin's configuration, which stands at `base`: as one within a route. */
export function checkNestedUpstream(context: CheckContext, { path, upstream }: NestedUpstream, base: string): void {
  if (upstream === undefined) return
  const where = base + path
  for (const field of ['ca', 'client_cert', 'client_key'] as const) {
    if (typeof upstream.tls?.[field] !== 'object') continue
    return context.findings.add({
      path: `${where}/tls/${field}`,
      message: 'is no text, and files are read for plugins only where text names them',
      remedy: 'write "$file://PATH"',
    })
  }
  checkService(context, upstream, where)
  checkUpstream(context.findings, upstream, where)
  checkScheme(context, upstream, where)
}

/** What the upstreams within plugins refer to must be there. */
export function checkNestedReferences(context: CheckContext, entry: Entry): void {
  for (const { path, upstream, upstreamId } of nestedUpstreams(entry, context.plugins)) {
    const where = `${entry.path}/plugins${path}`
    const certificate = upstream?.tls?.client_cert_id
    if (certificate !== undefined) checkClientSsl(context, { id: certificate, path: `${where}/tls/client_cert_id` })
    if (upstreamId === undefined || !checkReference(context, 'upstreams', upstreamId, where)) continue
    const named = context.known.item('upstreams', upstreamId) as Upstream | undefined
    if (named !== undefined) checkScheme(context, named, where)
  }
}

function checkScheme({ findings }: CheckContext, { scheme }: Upstream, path: string): void {
  if (!isStreamScheme(scheme)) return
  findings.add({
    path,
    message: `the upstream's scheme is "${scheme}", and requests need one that speaks HTTP`,
    remedy: 'write "http", "https", "grpc" or "grpcs" there',
  })
}
