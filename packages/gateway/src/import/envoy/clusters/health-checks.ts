import { defined, type Fields } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'

/** Reads the health checks of a cluster as `checks` of an upstream. */
export function readHealthChecks(cluster: Message, secure: boolean): Fields | undefined {
  const [first, ...others] = cluster.messages('health_checks')
  for (const other of others) other.loseAll('an upstream has one health check')
  const active = first && readActive(first, secure)
  return active === undefined ? undefined : { active }
}

function readActive(check: Message, secure: boolean): Fields | undefined {
  if (check.has('custom_health_check')) {
    check.loseAll('checks are by HTTP, TCP or gRPC')
    return undefined
  }
  const tcp = check.message('tcp_health_check')
  const http = check.message('http_health_check')
  const grpc = check.message('grpc_health_check')
  const interval = seconds(check, 'interval')
  const healthy = check.number('healthy_threshold')
  const unhealthy = check.number('unhealthy_threshold')
  check.ignore('reuse_connection', 'no_traffic_interval', 'initial_jitter', 'always_log_health_check_failures')
  const passes = http?.messages('expected_statuses').flatMap(statusesOf)
  const headers = (http?.messages('request_headers_to_add') ?? grpc?.messages('initial_metadata') ?? []).map(fieldOf)
  return defined({
    type: tcp !== undefined ? 'tcp' : grpc !== undefined ? 'grpc' : secure ? 'https' : 'http',
    timeout: check.duration('timeout'),
    port: check.number('alt_port'),
    host: http?.string('host') ?? (grpc?.string('authority') || undefined),
    http_method: http?.enumeration('method'),
    http_path: http?.string('path'),
    req_headers: headers.length === 0 ? undefined : headers,
    grpc_service_name: grpc?.string('service_name') || undefined,
    healthy: defined({
      interval,
      http_statuses: http === undefined ? undefined : passes !== undefined && passes.length > 0 ? passes : [200],
      successes: healthy,
    }),
    unhealthy: defined({
      interval: seconds(check, 'unhealthy_interval') ?? interval,
      http_failures: tcp === undefined ? unhealthy : undefined,
      tcp_failures: unhealthy,
      timeouts: unhealthy,
    }),
  })
}

function fieldOf(option: Message): string {
  option.ignore('append', 'append_action', 'keep_empty_value')
  const header = option.message('header')
  return `${header?.string('key') ?? ''}: ${header?.string('value') ?? ''}`
}

/** From `start` to before `end`. */
function statusesOf(range: Message): number[] {
  const start = Math.max(200, range.number('start') ?? 200)
  const end = Math.min(600, range.number('end') ?? 200)
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index)
}

/** Checks ten times a second are the most. */
function seconds(check: Message, name: string): number | undefined {
  const written = check.duration(name)
  return written === undefined ? undefined : Math.max(0.1, written)
}
