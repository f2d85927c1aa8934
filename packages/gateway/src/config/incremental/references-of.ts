import type { Entry } from '../checks/entry.ts'
import { protoOf } from '../checks/protos.ts'
import { REFERENCES } from '../checks/references.ts'
import { clientCertificateOf } from '../checks/ssls.ts'
import { nestedUpstreams } from '../checks/nested-upstreams.ts'
import type { PluginLookup } from '../plugin-lookup.ts'
import { managersIn } from '../references/secret-reference.ts'
import { type ResourceKey, resourceKey } from './resource-key.ts'

/** All that a resource refers to, whether or not it is there. */
export function referencesOf(entry: Entry, plugins: PluginLookup): ReadonlySet<ResourceKey> {
  const targets = new Set<ResourceKey>()
  for (const [field, kind] of REFERENCES[entry.kind] ?? []) {
    const id = entry.item[field] as string | number | undefined
    if (id !== undefined) targets.add(resourceKey(kind, String(id)))
  }
  const ssl = clientCertificateOf(entry)
  if (ssl !== undefined) targets.add(resourceKey('ssls', String(ssl.id)))
  const proto = protoOf(entry)
  if (proto !== undefined) targets.add(resourceKey('protos', proto))
  for (const { upstream, upstreamId } of nestedUpstreams(entry, plugins)) {
    if (upstreamId !== undefined) targets.add(resourceKey('upstreams', upstreamId))
    const certificate = upstream?.tls?.client_cert_id
    if (certificate !== undefined) targets.add(resourceKey('ssls', String(certificate)))
  }
  for (const manager of managersIn(entry.sources)) targets.add(resourceKey('secrets', manager))
  return targets
}
