import type { Message } from '../reader/message.ts'
import { defined, type Fields } from '../output/draft.ts'

const EXTENSION = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/** How an upstream is spoken to. */
export interface HttpOptions {
  readonly http2: boolean
  /** `keepalive_pool` of the upstream. */
  readonly pool: Fields | undefined
}

/** Reads the protocol of a cluster from its HttpProtocolOptions, or from the older fields of the cluster itself. */
export function readHttpOptions(cluster: Message): HttpOptions {
  const extension = cluster.message('typed_extension_protocol_options')?.message(EXTENSION)
  const common = extension?.message('common_http_protocol_options') ?? cluster.message('common_http_protocol_options')
  const pool = defined({
    idle_timeout: common?.duration('idle_timeout'),
    requests: common?.number('max_requests_per_connection') ?? cluster.number('max_requests_per_connection'),
  })
  for (const owner of [extension, cluster]) {
    // The server name and the name that is verified are those of the node here.
    owner?.message('upstream_http_protocol_options')?.ignore('auto_san_validation', 'auto_sni')
  }
  return {
    http2: extension === undefined ? readOldForm(cluster) : readExtension(extension),
    pool: Object.keys(pool).length === 0 ? undefined : pool,
  }
}

function readExtension(extension: Message): boolean {
  const explicit = extension.message('explicit_http_config')
  if (explicit !== undefined) {
    explicit.message('http_protocol_options')
    if (explicit.has('http3_protocol_options')) explicit.lose('http3_protocol_options', 'HTTP/3 is not in this version')
    return explicit.message('http2_protocol_options') !== undefined
  }
  extension.lose('auto_config', 'the protocol of an upstream is fixed by its scheme: HTTP/1.1 is written')
  if (!extension.has('use_downstream_protocol_config')) return false
  extension.lose(
    'use_downstream_protocol_config',
    'the protocol of an upstream is fixed by its scheme: HTTP/2 is written',
  )
  return true
}

function readOldForm(cluster: Message): boolean {
  cluster.message('http_protocol_options')
  if (cluster.enumeration('protocol_selection') === 'USE_DOWNSTREAM_PROTOCOL')
    cluster.lose('protocol_selection', 'the protocol of an upstream is fixed by its scheme')
  return cluster.message('http2_protocol_options') !== undefined
}
