import { grpcProbe, httpProbe, tcpProbe, type HttpProbeOptions, type Probe } from '@sekisho/proxy/health'
import type { NormalNode, NormalUpstream } from '../resources/normalise-upstream.ts'
import { activeThresholds } from './health-settings.ts'

type Tls = NonNullable<HttpProbeOptions['tls']>

/** How the nodes of an upstream are asked. `undefined` without `checks`. */
export function probeOf(upstream: NormalUpstream): ((node: NormalNode) => Probe) | undefined {
  const { checks, scheme } = upstream
  const thresholds = activeThresholds(upstream)
  if (checks === undefined || thresholds === undefined) return undefined
  const { active } = checks
  const { type = 'http', host: written } = active
  if (type === 'tcp') return () => tcpProbe
  const headers = (active.req_headers ?? []).flatMap(splitField)
  const { healthyStatuses, unhealthyStatuses } = thresholds
  const secure = type === 'https' || (type === 'grpc' && (scheme === 'grpcs' || scheme === 'https' || scheme === 'tls'))
  return (node) => {
    // As in APISIX: what is written, what the upstream is told, or what the node is called.
    const host = written ?? (upstream.pass_host === 'rewrite' ? upstream.upstream_host : undefined)
    const tls = secure ? tlsOf(upstream, host ?? node.host) : undefined
    if (type === 'grpc') return grpcProbe({ service: active.grpc_service_name ?? '', host, headers, tls })
    return httpProbe({
      method: active.http_method ?? 'GET',
      path: active.http_path ?? '/',
      body: active.http_req_body ?? '',
      host,
      headers,
      tls,
      healthyStatuses,
      unhealthyStatuses,
    })
  }
}

function tlsOf({ tls, checks }: NormalUpstream, name: string): Tls {
  return {
    serverName: tls.sni ?? name.replace(/:\d+$/, ''),
    verify: checks?.active.https_verify_certificate ?? true,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.client_cert === undefined ? {} : { cert: tls.client_cert }),
    ...(tls.client_key === undefined ? {} : { key: tls.client_key }),
  }
}

/** `NAME: VALUE` as name and value. */
function splitField(field: string): [string, string] {
  const colon = field.indexOf(':')
  return [field.slice(0, colon), field.slice(colon + 1).trim()]
}
