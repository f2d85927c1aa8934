import { withBudget } from '../../expressions/index.ts'
import type { Consumer } from '../../resources/consumer.ts'
import type { Route } from '../../resources/route.ts'
import type { Service } from '../../resources/service.ts'
import type { Ssl } from '../../resources/ssl.ts'
import type { StreamRoute } from '../../resources/stream-route.ts'
import type { Upstream } from '../../resources/upstream.ts'
import type { PluginSet } from '../../resources/plugin-set.ts'
import { checkCacheZone } from './caches.ts'
import { checkClaims } from './check-claims.ts'
import { checkCredentials } from './consumers.ts'
import { checkService } from './discovery.ts'
import type { CheckContext, Entry } from './entry.ts'
import { checkGrpcPolicy } from './grpc.ts'
import { checkRouteRetries } from './overload.ts'
import { checkPluginMetadata } from './plugin-metadata.ts'
import { checkPluginSet } from './plugin-set.ts'
import { checkReferences } from './references.ts'
import { checkRoute } from './routes.ts'
import { checkSecret } from './secrets.ts'
import { checkClientCertificate, checkSsl } from './ssls.ts'
import { checkStreamRoute, checkUpstreamScheme } from './stream-routes.ts'
import { checkUpstream } from './upstreams.ts'

/** All checks of resources beyond their schemas. */
export function checkResources(context: CheckContext): void {
  for (const entry of context.entries) {
    if (context.findings.full) return
    withBudget(() => checkEntry(context, entry))
    checkRelations(context, entry)
  }
  checkClaims(context)
}

/** What a resource and those that it refers to are together; to be checked again when one of these changes. */
export function checkRelations(context: CheckContext, entry: Entry): void {
  checkReferences(context, entry)
  checkUpstreamScheme(context, entry)
  checkRouteRetries(context, entry)
  checkClientCertificate(context, entry)
}

function checkEntry(context: CheckContext, entry: Entry): void {
  const { findings } = context
  const { kind, item, path } = entry
  switch (kind) {
    case 'secrets':
      return checkSecret(findings, entry)
    case 'ssls':
      return checkSsl(findings, item as Ssl, path)
    case 'upstreams':
      checkService(context, item as Upstream, path)
      return checkUpstream(findings, item as Upstream, path)
    case 'plugin_metadata':
      return checkPluginMetadata(context, entry)
    case 'stream_routes':
      return checkStreamRoute(context, entry, item as StreamRoute)
    case 'routes':
      checkRoute(findings, item as Route, path)
      break
  }
  if (kind === 'consumers') checkCredentials(context, entry)
  const { upstream, grpc } = item as Route | Service
  if (grpc !== undefined) checkGrpcPolicy(findings, grpc, `${path}/grpc`)
  if (upstream !== undefined) {
    checkService(context, upstream, `${path}/upstream`)
    checkUpstream(findings, upstream, `${path}/upstream`)
  }
  const plugins = (item as Consumer).plugins as PluginSet | undefined
  if (plugins !== undefined) checkCacheZone(context, plugins, `${path}/plugins`)
  if (plugins !== undefined) checkPluginSet(context, plugins, `${path}/plugins`, kind === 'consumers')
}
