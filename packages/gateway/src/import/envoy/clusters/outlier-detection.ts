import { defined, type Fields } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'

/** Reads the outlier detection of a cluster. What Envoy has, but enforces at 0%, is 0 here: off. */
export function readOutlierDetection(outliers: Message | undefined): Fields | undefined {
  if (outliers === undefined) return undefined
  outliers.ignore('always_eject_one_host', 'detect_degraded_hosts')
  const splits = outliers.boolean('split_external_local_origin_errors') === true
  const local = enforced(outliers, 'enforcing_consecutive_local_origin_failure', 100)
  return defined({
    consecutive_5xx: enforced(outliers, 'enforcing_consecutive_5xx', 100)
      ? outliers.number('consecutive_5xx')
      : (unread(outliers, 'consecutive_5xx') ?? 0),
    consecutive_gateway_failure: enforced(outliers, 'enforcing_consecutive_gateway_failure', 0)
      ? (outliers.number('consecutive_gateway_failure') ?? 5)
      : unread(outliers, 'consecutive_gateway_failure'),
    consecutive_local_origin_failure:
      splits && local
        ? (outliers.number('consecutive_local_origin_failure') ?? 5)
        : unread(outliers, 'consecutive_local_origin_failure'),
    interval: atLeastATenth(outliers, 'interval'),
    base_ejection_time: atLeastATenth(outliers, 'base_ejection_time'),
    max_ejection_time: longest(outliers),
    max_ejection_percent: outliers.number('max_ejection_percent'),
    ...readRates(outliers),
  })
}

function readRates(outliers: Message): Fields {
  const successRate = enforced(outliers, 'enforcing_success_rate', 100)
  const percentage = enforced(outliers, 'enforcing_failure_percentage', 0)
  outliers.ignore('enforcing_local_origin_success_rate', 'enforcing_failure_percentage_local_origin')
  return {
    success_rate_stdev_factor: successRate
      ? outliers.number('success_rate_stdev_factor')
      : (unread(outliers, 'success_rate_stdev_factor') ?? 0),
    success_rate_minimum_hosts: outliers.number('success_rate_minimum_hosts'),
    success_rate_request_volume: outliers.number('success_rate_request_volume'),
    failure_percentage_threshold: percentage
      ? (outliers.number('failure_percentage_threshold') ?? 85)
      : unread(outliers, 'failure_percentage_threshold'),
    failure_percentage_minimum_hosts: outliers.number('failure_percentage_minimum_hosts'),
    failure_percentage_request_volume: outliers.number('failure_percentage_request_volume'),
  }
}

/** Whether ejections of a kind take place. */
function enforced(outliers: Message, name: string, fallback: number): boolean {
  const percent = outliers.number(name) ?? fallback
  if (percent > 0 && percent < 100) outliers.warn(name, 'is 100% here: a node that is found is ejected')
  return percent > 0
}

/** A limit that is not enforced changes nothing in Envoy. */
function unread(outliers: Message, name: string): undefined {
  outliers.ignore(name)
  return undefined
}

function atLeastATenth(outliers: Message, name: string): number | undefined {
  const seconds = outliers.duration(name)
  return seconds === undefined ? undefined : Math.max(0.1, seconds)
}

/** In Envoy the longer of the two counts. */
function longest(outliers: Message): number | undefined {
  const most = atLeastATenth(outliers, 'max_ejection_time')
  return most === undefined ? undefined : Math.max(most, outliers.duration('base_ejection_time') ?? 30)
}
