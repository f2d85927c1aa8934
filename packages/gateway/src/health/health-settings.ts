import type { FailureKind, OutlierSettings } from '@sekisho/proxy/health'
import type { NormalUpstream } from '../resources/normalise-upstream.ts'

/** How many in a row of each kind change the state; 0 = they do not count. */
export interface Thresholds {
  readonly successes: number
  readonly failures: Readonly<Record<FailureKind, number>>
  readonly healthyStatuses: ReadonlySet<number>
  readonly unhealthyStatuses: ReadonlySet<number>
}

/** Statuses that say something, and how often they must, with the defaults of APISIX filled in. */
export function activeThresholds({ checks }: NormalUpstream): Thresholds | undefined {
  if (checks === undefined) return undefined
  const { healthy, unhealthy } = checks.active
  return {
    successes: healthy?.successes ?? 2,
    failures: {
      tcp_failure: unhealthy?.tcp_failures ?? 2,
      http_failure: unhealthy?.http_failures ?? 5,
      timeout_failure: unhealthy?.timeouts ?? 3,
    },
    healthyStatuses: new Set(healthy?.http_statuses ?? [200, 302]),
    unhealthyStatuses: new Set(unhealthy?.http_statuses ?? [429, 404, 500, 501, 502, 503, 504, 505]),
  }
}

/** The same for what is seen of the traffic. Of TCP, statuses say nothing. */
export function passiveThresholds({ checks }: NormalUpstream): Thresholds | undefined {
  const passive = checks?.passive
  if (passive === undefined) return undefined
  const { healthy, unhealthy, type } = passive
  const statuses = type !== 'tcp'
  return {
    successes: healthy?.successes ?? 5,
    failures: {
      tcp_failure: unhealthy?.tcp_failures ?? 2,
      http_failure: unhealthy?.http_failures ?? 5,
      timeout_failure: unhealthy?.timeouts ?? 7,
    },
    healthyStatuses: new Set(statuses ? (healthy?.http_statuses ?? PASSIVE_HEALTHY) : []),
    unhealthyStatuses: new Set(statuses ? (unhealthy?.http_statuses ?? [429, 500, 503]) : []),
  }
}

const PASSIVE_HEALTHY = [200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308]

export function outlierSettings({ outlier_detection: written }: NormalUpstream): OutlierSettings | undefined {
  if (written === undefined) return undefined
  const { success_rate_stdev_factor: factor = 1_900, failure_percentage_threshold: threshold = 0 } = written
  return {
    consecutive5xx: written.consecutive_5xx ?? 5,
    consecutiveGatewayFailure: written.consecutive_gateway_failure ?? 0,
    consecutiveLocalOriginFailure: written.consecutive_local_origin_failure ?? 0,
    intervalMs: (written.interval ?? 10) * 1_000,
    baseEjectionTimeMs: (written.base_ejection_time ?? 30) * 1_000,
    maxEjectionTimeMs: (written.max_ejection_time ?? 300) * 1_000,
    maxEjectionPercent: written.max_ejection_percent ?? 10,
    successRate:
      factor === 0
        ? undefined
        : {
            stdevFactor: factor / 1_000,
            minimumHosts: written.success_rate_minimum_hosts ?? 5,
            requestVolume: written.success_rate_request_volume ?? 100,
          },
    failurePercentage:
      threshold === 0
        ? undefined
        : {
            threshold,
            minimumHosts: written.failure_percentage_minimum_hosts ?? 5,
            requestVolume: written.failure_percentage_request_volume ?? 50,
          },
  }
}

/** Whether anything is to be known of the nodes of this upstream beyond what the configuration says. */
export const watchesNodes = (upstream: Pick<NormalUpstream, 'checks' | 'outlier_detection' | 'slow_start'>): boolean =>
  upstream.checks !== undefined || upstream.outlier_detection !== undefined || upstream.slow_start !== undefined
