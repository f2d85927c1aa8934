import type { HttpProxyOptions } from '@sekisho/proxy'
import type { NodeSettings } from '../config/settings/node-settings.ts'
import { METRICS, type WorkerMetrics } from '../observability/metrics/index.ts'
import type { PluginLogger } from '../plugins/context.ts'

/** More than any upstream's own `retries`, which count: Pingora's `max_retries`. */
const MAX_RETRIES = 16

/** The proxy's options from the node's settings: seconds become milliseconds. */
export function proxyOptions(settings: NodeSettings, metrics: WorkerMetrics, logger: PluginLogger): HttpProxyOptions {
  const { limits } = settings
  return {
    maxRetries: MAX_RETRIES,
    logger,
    // The gateway decides by route (`enable_websocket`).
    upgrades: 'any',
    limits: {
      maxHeadBytes: limits.max_head_bytes,
      maxHeaderCount: limits.max_header_count,
      maxTargetLength: limits.max_target_length,
      maxBodyBytes: limits.max_body_bytes,
      headerTimeoutMs: limits.header_timeout * 1_000,
      bodyTimeoutMs: limits.body_timeout * 1_000,
      keepAliveTimeoutMs: limits.keepalive_timeout * 1_000,
      maxRequestsPerConnection: limits.max_requests_per_connection,
      maxConnections: limits.max_connections,
    },
    h2Limits: {
      maxConcurrentStreams: limits.http2.max_concurrent_streams,
      streamWindow: limits.http2.stream_window,
      connectionWindow: limits.http2.connection_window,
    },
    onRefused: (_connection, reason) => metrics.counter(METRICS.refusedRequests, { reason: reason.code }).add(1),
  }
}
