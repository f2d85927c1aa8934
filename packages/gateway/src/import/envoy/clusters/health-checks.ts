import { defined, type Fields } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'

/** Reads the health checks and the outlier detection of a cluster as `checks` of an upstream. */
export function readHealthChecks(cluster: Message, secure: boolean): Fields | undefined {
  const [first, ...others] = cluster.messages('health_checks')
  for (const other of others) other.loseAll('an upstream has one health check')
  const active = first && readActive(first, secure)
  if (active === undefined) {
    const reason = 'a node that is taken out comes back by a health check here: write health_checks, too'
    cluster.lose('outlier_detection', reason)
    return undefined
  }
  const outliers = cluster.message('outlier_detection')
  return defined({ active, passive: outliers && readPassive(outliers) })
}

function readActive(check: Message, secure: boolean): Fields | undefined {
  if (check.has('grpc_health_check') || check.has('custom_health_check')) {
    check.loseAll('checks are by HTTP or TCP in this version')
    return undefined
  }
  const tcp = check.message('tcp_health_check')
  const http = check.message('http_health_check')
  const interval = wholeSeconds(check, 'interval')
  const healthy = check.number('healthy_threshold')
  const unhealthy = check.number('unhealthy_threshold')
  check.ignore('reuse_connection', 'no_traffic_interval')
  const passes = http?.messages('expected_statuses').flatMap(statusesOf)
  return defined({
    type: tcp !== undefined ? 'tcp' : secure ? 'https' : 'http',
    timeout: check.duration('timeout'),
    port: check.number('alt_port'),
    host: http?.string('host'),
    http_method: http?.enumeration('method'),
    http_path: http?.string('path'),
    healthy: defined({
      interval,
      http_statuses: http === undefined ? undefined : passes !== undefined && passes.length > 0 ? passes : [200],
      successes: healthy,
    }),
    unhealthy: defined({
      interval,
      http_failures: http === undefined ? undefined : unhealthy,
      tcp_failures: unhealthy,
      timeouts: unhealthy,
    }),
  })
}

/** From `start` to before `end`. */
function statusesOf(range: Message): number[] {
  const start = Math.max(200, range.number('start') ?? 200)
  const end = Math.min(600, range.number('end') ?? 200)
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index)
}

function wholeSeconds(check: Message, name: string): number | undefined {
  const seconds = check.duration(name)
  if (seconds === undefined || Number.isInteger(seconds)) return seconds
  check.warn(name, 'is rounded up: intervals are whole seconds here')
  return Math.ceil(seconds)
}

const SERVER_ERRORS = [500, 501, 502, 503, 504, 505]

/** Five failures in a row take a node out, as in Envoy; what brings it back is the health check and not the time. */
function readPassive(outliers: Message): Fields {
  const failures = outliers.number('consecutive_5xx') ?? 5
  return {
    type: 'http',
    unhealthy: { http_statuses: SERVER_ERRORS, http_failures: failures, tcp_failures: failures, timeouts: failures },
  }
}
