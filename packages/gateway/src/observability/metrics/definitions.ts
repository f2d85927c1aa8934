export type MetricType = 'counter' | 'gauge' | 'histogram'

/** One metric: its name, what it says, and the names of its labels. `L` is the union of the label names. */
export interface MetricDefinition<L extends string = string> {
  readonly name: string
  readonly type: MetricType
  readonly help: string
  readonly labels: readonly L[]
  /** Of a gauge: what the threads have is not added up, the least of it counts. */
  readonly across?: 'least'
}

/** A value for each label of a metric. */
export type LabelValues<L extends string> = Readonly<Record<L, string>>

/** Upper bounds of the buckets of every histogram, milliseconds; a last bucket takes what is above. As in APISIX. */
export const HISTOGRAM_BOUNDS_MS: readonly number[] = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000,
]

/** Cells of a histogram: a count for each bucket (not cumulative), then the sum. */
export const HISTOGRAM_CELLS = HISTOGRAM_BOUNDS_MS.length + 2

/** How many Float64 cells the values of one series take. */
export function cellsOf(type: MetricType): number {
  return type === 'histogram' ? HISTOGRAM_CELLS : 1
}

/** Names as the Prometheus data model allows them. Throws an Error on a wrong one. */
export function checkDefinition(definition: MetricDefinition): void {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(definition.name)) throw new Error(`'${definition.name}' is not a metric name`)
  for (const label of definition.labels) {
    if (!/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) || (label === 'le' && definition.type === 'histogram')) {
      throw new Error(`'${label}' is not a label name that ${definition.name} may have`)
    }
  }
  if (new Set(definition.labels).size !== definition.labels.length) {
    throw new Error(`${definition.name} has a label twice`)
  }
}

function define<const L extends string = never>(
  type: MetricType,
  name: string,
  help: string,
  labels: readonly L[] = [],
): MetricDefinition<L> {
  return { name, type, help, labels }
}

/** The gateway's own metrics. Labels without a value (no consumer, say) are empty. */
export const METRICS = {
  httpRequests: define('counter', 'sekisho_http_requests_total', 'Requests received.'),
  httpStatus: define('counter', 'sekisho_http_status', 'Responses by status code.', [
    'code',
    'route',
    'matched_uri',
    'matched_host',
    'service',
    'consumer',
    'node',
  ]),
  grpcStatus: define('counter', 'sekisho_grpc_status', 'gRPC calls by the number of their status.', [
    'grpc_status',
    'route',
    'service',
    'consumer',
    'node',
  ]),
  httpLatency: define(
    'histogram',
    'sekisho_http_latency',
    'Milliseconds from the first byte of a request to the last of its response (request), of that in the upstream (upstream), and the rest (gateway).',
    ['type', 'route', 'service', 'consumer', 'node'],
  ),
  bandwidth: define('counter', 'sekisho_bandwidth', 'Bytes received from (ingress) and sent to (egress) clients.', [
    'type',
    'route',
    'service',
    'consumer',
    'node',
  ]),
  connections: define('gauge', 'sekisho_connections', 'Client connections by state.', ['state']),
  upstreamStatus: {
    ...define(
      'gauge',
      'sekisho_upstream_status',
      'Whether a node could be reached when it was last tried: 1 by all workers, 0 not by every one.',
      ['name', 'ip', 'port'],
    ),
    across: 'least',
  },
  nodeHealthy: define(
    'gauge',
    'sekisho_upstream_node_healthy',
    'Whether a node gets requests, by health checks and outlier detection: 1 or 0.',
    ['upstream', 'node'],
  ),
  nodeEjected: define('gauge', 'sekisho_upstream_node_ejected', 'Whether outlier detection keeps a node out: 1 or 0.', [
    'upstream',
    'node',
  ]),
  healthChecks: define(
    'counter',
    'sekisho_upstream_health_checks_total',
    'Probes of nodes by result: success, tcp_failure, http_failure, timeout_failure, or ignored (a status that says neither).',
    ['upstream', 'node', 'result'],
  ),
  healthTransitions: define(
    'counter',
    'sekisho_upstream_health_transitions_total',
    'Changes of a node between healthy and unhealthy, by probes and by traffic.',
    ['upstream', 'node', 'to'],
  ),
  nodeEjections: define(
    'counter',
    'sekisho_upstream_ejections_total',
    'Ejections of nodes by outlier detection, by reason.',
    ['upstream', 'node', 'reason'],
  ),
  upstreamConnections: define(
    'gauge',
    'sekisho_upstream_connections',
    'Connections to upstream nodes: active with a request, idle in a pool.',
    ['state'],
  ),
  shedRequests: define(
    'counter',
    'sekisho_shed_requests_total',
    'Requests that were refused because the worker had too many, by urgency (0 the most, 7 the least urgent).',
    ['urgency'],
  ),
  shedding: define(
    'gauge',
    'sekisho_shedding_workers',
    'Workers that refuse requests because their event loop is late.',
  ),
  circuitBreakerRefusals: define(
    'counter',
    'sekisho_upstream_overloaded_total',
    'Requests that were answered 503 because a limit of their upstream was reached, by limit.',
    ['upstream', 'reason'],
  ),
  concurrencyLimit: define(
    'gauge',
    'sekisho_upstream_concurrency_limit',
    'Requests in flight that adaptive_concurrency allows an upstream, of all workers together.',
    ['upstream'],
  ),
  upstreamRetries: define(
    'counter',
    'sekisho_upstream_retries_total',
    'Attempts that were followed by another one, by error code. Of upstreams with `retry` or `circuit_breakers`.',
    ['upstream', 'reason'],
  ),
  retriesRefused: define(
    'counter',
    'sekisho_upstream_retries_refused_total',
    'Retries that were not made because of a limit (max_retries, retry_budget).',
    ['upstream', 'reason'],
  ),
  upstreamHedges: define(
    'counter',
    'sekisho_upstream_hedges_total',
    'Hedged requests by result: won (it was the answer), lost.',
    ['upstream', 'result'],
  ),
  refusedRequests: define(
    'counter',
    'sekisho_refused_requests_total',
    'Requests that were refused before they were routed, by reason.',
    ['reason'],
  ),
  streamSessions: define(
    'counter',
    'sekisho_stream_sessions_total',
    'TCP connections and UDP sessions by stream route.',
    ['stream_route'],
  ),
  streamOpen: define('gauge', 'sekisho_stream_open_sessions', 'TCP connections and UDP sessions that are open.'),
  streamUnrouted: define(
    'counter',
    'sekisho_stream_unrouted_total',
    'TCP connections and UDP sessions that were closed because no stream route took them, or it had no upstream.',
  ),
  streamBytes: define(
    'counter',
    'sekisho_stream_bytes_total',
    'Bytes received from (ingress) and sent to (egress) clients of stream routes, counted when a session ends.',
    ['stream_route', 'type'],
  ),
  cacheRequests: define(
    'counter',
    'sekisho_cache_requests_total',
    'Requests that used a cache zone, by result: hit, stale and updating were answered from it.',
    ['zone', 'result'],
  ),
  cacheStored: define('counter', 'sekisho_cache_stored_bytes_total', 'Bytes of bodies that were stored.', ['zone']),
  cacheCollapsed: define(
    'counter',
    'sekisho_cache_collapsed_total',
    'Requests that waited for the same one that was on its way.',
    ['zone'],
  ),
  cachePurges: define('counter', 'sekisho_cache_purges_total', 'Purges of a resource or a tag.', ['zone']),
  cacheFailures: define(
    'counter',
    'sekisho_cache_failures_total',
    'Stored responses that could not be read or written.',
    ['zone'],
  ),
  cacheUsage: {
    ...define(
      'gauge',
      'sekisho_cache_usage',
      'Entries, bytes and evictions of a cache zone since the start, by kind.',
      ['zone', 'kind'],
    ),
    across: 'least',
  },
  configRevision: define('gauge', 'sekisho_config_revision', 'Revision of the configuration that is in force.'),
  configReloadFailures: define(
    'counter',
    'sekisho_config_reload_failures_total',
    'Changes of the configuration that were refused.',
  ),
  storeConnected: define(
    'gauge',
    'sekisho_store_connected',
    'Whether the store can be reached (embedded, etcd): 1, or 0 while what is in force stays.',
  ),
  refusedDocuments: define(
    'gauge',
    'sekisho_config_refused_documents',
    'Documents of the store that are left out because they are not valid.',
  ),
  discoveryNodes: define('gauge', 'sekisho_discovery_nodes', 'Nodes that service discovery has for a service.', [
    'type',
    'service_name',
  ]),
  discoveryLastAnswer: define(
    'gauge',
    'sekisho_discovery_last_answer_timestamp_seconds',
    'When the registry answered last for a service, as Unix time; 0 = not since the start. The age is `time()` less this.',
    ['type', 'service_name'],
  ),
  discoveryErrors: define(
    'counter',
    'sekisho_discovery_errors_total',
    'Attempts to look a service up that failed; its last nodes stay in use.',
    ['type', 'service_name'],
  ),
  discoveryChanges: define('counter', 'sekisho_discovery_changes_total', 'Times that the nodes of a service changed.', [
    'type',
    'service_name',
  ]),
  redisUp: {
    ...define(
      'gauge',
      'sekisho_redis_up',
      'Whether a Redis answers: 1, or 0 while a worker or a node of it is without.',
      ['server'],
    ),
    across: 'least',
  },
  redisCalls: define(
    'counter',
    'sekisho_redis_calls_total',
    'Calls of Redis by result: ok, error, timeout, or away (not sent or not answered, as Redis was away).',
    ['server', 'result'],
  ),
  limitUncounted: define(
    'counter',
    'sekisho_limit_uncounted_requests_total',
    'Requests that a limit could not count because its Redis was away, by what became of them: passed, refused, local (counted by this node alone).',
    ['plugin', 'place', 'result'],
  ),
  workerRestarts: define('counter', 'sekisho_worker_restarts_total', 'Worker threads that were started again.'),
  nodeInfo: define('gauge', 'sekisho_node_info', 'Always 1; what runs here is in the labels.', ['hostname', 'version']),
  accessLogDropped: define(
    'counter',
    'sekisho_access_log_dropped_lines_total',
    'Lines of the access log that were dropped because its file or pipe did not take them.',
  ),
  metricsOverflow: define(
    'counter',
    'sekisho_metrics_overflow_total',
    'Series that were not made because of a limit; what they count is in the series whose labels are all "overflow".',
    ['metric'],
  ),
} as const
