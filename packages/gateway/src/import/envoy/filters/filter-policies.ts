import type { Fields, Plugins } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'
import { readCors } from './cors.ts'
import { readFault } from './fault.ts'
import { readLocalRateLimit } from './local-rate-limit.ts'

/** Plugins that a level of a route sets, by name; `OFF` takes back what a level around it has set. */
export type Policies = Readonly<Record<string, Fields | typeof OFF>>

const OFF = 'off'

/** Per-route configurations that are carried over: the plugin that they are, and the filter without which they do nothing. */
const CARRIED: ReadonlyMap<string, { plugin: string; filter: string }> = new Map(
  Object.entries({
    CorsPolicy: { plugin: 'cors', filter: 'Cors' },
    HTTPFault: { plugin: 'fault-injection', filter: 'HTTPFault' },
    LocalRateLimit: { plugin: 'limit-count', filter: 'LocalRateLimit' },
  }),
)

/** The plugin that a filter is turned off by. */
const BY_FILTER_NAME: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'envoy.filters.http.cors': 'cors',
    'envoy.filters.http.fault': 'fault-injection',
    'envoy.filters.http.local_ratelimit': 'limit-count',
    'envoy.filters.http.grpc_web': 'grpc-web',
  }),
)

/**
 * Reads `typed_per_filter_config` of a route, virtual host or route configuration, and the older `cors` field.
 *
 * @param filters types of the filters of the listener
 */
export function readPolicies(level: Message, filters: ReadonlySet<string>): Policies {
  const policies: Record<string, Fields | typeof OFF> = {}
  const legacy = level.message('cors')
  if (legacy !== undefined) add(policies, legacy, 'CorsPolicy', filters)
  const configs = level.message('typed_per_filter_config')
  for (const name of configs?.keys() ?? []) {
    const any = configs?.message(name)
    if (any === undefined) continue
    if (any.type !== 'FilterConfig') {
      add(policies, any, any.type, filters)
      continue
    }
    any.ignore('is_optional')
    const plugin = BY_FILTER_NAME.get(name)
    const config = any.message('config')
    if (any.boolean('disabled') === true && plugin !== undefined) policies[plugin] = OFF
    else if (config !== undefined) add(policies, config, config.type, filters)
    else any.loseAll('the filter is not carried over')
  }
  return policies
}

function add(
  policies: Record<string, Fields | typeof OFF>,
  config: Message,
  type: string,
  filters: ReadonlySet<string>,
): void {
  const carried = CARRIED.get(type)
  if (carried === undefined) return config.loseAll('the filter is not carried over')
  if (!filters.has(carried.filter)) {
    config.settle()
    return config.warn(undefined, 'does nothing in Envoy: the filter is not in http_filters. It is left out')
  }
  if (type === 'LocalRateLimit') Object.assign(policies, readLocalRateLimit(config))
  else policies[carried.plugin] = (type === 'CorsPolicy' ? readCors(config) : readFault(config)) ?? OFF
}

/**
 * The plugins of a route, from its levels, the outermost first.
 *
 * @param around plugins of the listener, which a route has anyway
 */
export function mergePolicies(levels: readonly Policies[], around: Plugins): Plugins {
  const merged: Record<string, Fields | typeof OFF> = Object.assign({}, ...levels)
  const plugins: Plugins = {}
  for (const [name, config] of Object.entries(merged)) {
    if (config !== OFF) plugins[name] = config
    else if (Object.hasOwn(around, name)) plugins[name] = { _meta: { disable: true } }
  }
  return plugins
}
