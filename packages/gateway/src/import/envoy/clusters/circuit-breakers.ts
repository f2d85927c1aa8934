import { defined, type Fields } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'

/** The largest limit that an upstream may have here: whoever writes more wants none. */
const MOST = 16_777_216

/** Envoy's budget for retries belongs to the retries of an upstream here. */
export interface ReadBreakers {
  readonly breakers: Fields | undefined
  readonly budget: Fields | undefined
}

/** Reads the circuit breakers of a cluster: those of the default priority. */
export function readCircuitBreakers(cluster: Message, http2: boolean): ReadBreakers {
  const breakers = cluster.message('circuit_breakers')
  if (breakers === undefined) return { breakers: undefined, budget: undefined }
  breakers.lose('per_host_thresholds', 'limits are those of an upstream')
  let read: ReadBreakers = { breakers: undefined, budget: undefined }
  for (const threshold of breakers.messages('thresholds')) {
    if (threshold.enumeration('priority') === 'HIGH')
      threshold.loseAll('all requests have the limits of the default priority')
    else read = readThreshold(threshold, http2)
  }
  return read
}

function readThreshold(threshold: Message, http2: boolean): ReadBreakers {
  threshold.ignore('track_remaining')
  if (http2)
    threshold.lose('max_connections', 'connections of HTTP/2 carry many requests each: "max_requests" limits these')
  threshold.lose('max_connection_pools', 'there is one pool for each node')
  const connections = http2 ? undefined : limit(threshold, 'max_connections')
  const requests = limit(threshold, 'max_requests')
  const limited = connections !== undefined || requests !== undefined
  // Of two limits for the same the lower one.
  const perRequest =
    connections !== undefined && requests !== undefined && requests > connections ? undefined : requests
  const pending = threshold.number('max_pending_requests')
  const retries = threshold.number('max_retries')
  const fields = defined({
    max_connections: connections,
    max_requests: perRequest,
    max_pending_requests: limited && pending !== undefined ? Math.min(pending, 1_048_576) : undefined,
    max_retries: retries === undefined ? undefined : Math.min(retries, MOST),
  })
  const budget = threshold.message('retry_budget')
  return {
    breakers: Object.keys(fields).length === 0 ? undefined : fields,
    budget:
      budget &&
      defined({
        budget_percent: budget.message('budget_percent')?.number('value'),
        min_retry_concurrency: budget.number('min_retry_concurrency'),
      }),
  }
}

function limit(threshold: Message, name: string): number | undefined {
  const value = threshold.number(name)
  return value === undefined || value < 1 || value > MOST ? undefined : value
}
