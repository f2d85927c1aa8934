import { defined, type Fields } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'

/** Reads the slow start of a cluster, which stands with the settings of its way to balance. */
export function readSlowStart(cluster: Message): Fields | undefined {
  const config =
    cluster.message('round_robin_lb_config')?.message('slow_start_config') ??
    cluster.message('least_request_lb_config')?.message('slow_start_config')
  const window = config?.duration('slow_start_window') ?? 0
  if (config === undefined || window <= 0) return undefined
  const aggression = config.message('aggression')
  aggression?.ignore('runtime_key')
  const percent = config.message('min_weight_percent')?.number('value')
  return defined({
    window,
    aggression: aggression?.number('default_value'),
    min_weight_percent: percent === undefined ? undefined : Math.min(100, Math.max(1, Math.round(percent))),
  })
}

/** Percent of healthy nodes, below which Envoy uses all: 50 unless it is written. Of no matter where nothing makes a node unhealthy. */
export function readPanicThreshold(cluster: Message, checked: boolean): number | undefined {
  const percent = cluster.message('common_lb_config')?.message('healthy_panic_threshold')?.number('value')
  return checked ? Math.min(100, Math.max(0, Math.round(percent ?? 50))) : undefined
}
