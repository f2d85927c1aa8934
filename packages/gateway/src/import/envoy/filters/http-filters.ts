import type { Plugins } from '../output/draft.ts'
import type { ImportContext } from '../reader/import-context.ts'
import type { Message } from '../reader/message.ts'
import { readBuffer } from './buffer.ts'
import { readFault } from './fault.ts'
import { readLocalRateLimit } from './local-rate-limit.ts'

/** What the filters of a listener are here. */
export interface HttpFilters {
  /** Names of the messages that configure them. */
  readonly types: ReadonlySet<string>
  /** For every route of the listener. */
  readonly plugins: Plugins
}

/** What there is to say of filters that are not carried over. */
const REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    GrpcJsonTranscoder: 'the plugin grpc-transcode takes its place, and has to be written by hand',
    JwtAuthentication: 'there is no plugin for it in this version',
    ExtAuthz: 'there is no plugin for it in this version',
    RBAC: 'see the plugin ip-restriction, and "vars" of routes',
    Lua: 'write it as a plugin of your own',
    LuaPerRoute: 'write it as a plugin of your own',
    Wasm: 'write it as a plugin of your own',
    RateLimit: 'there is no plugin for a rate limit service: see limit-count',
    Compressor: 'there is no plugin for it in this version',
    HealthCheck: 'see /status and /status/ready of "metrics"',
    BasicAuth: 'see the plugin basic-auth',
  }),
)

/** Filters without which requests get through that Envoy refused. */
const GUARDS = new Set([
  'JwtAuthentication',
  'ExtAuthz',
  'ExternalProcessor',
  'RBAC',
  'BasicAuth',
  'ApiKeyAuth',
  'OAuth2',
  'RateLimit',
  'CsrfPolicy',
  'Lua',
  'Wasm',
])

/** Reads `http_filters`. */
export function readHttpFilters(manager: Message, context: ImportContext): HttpFilters {
  const types = new Set<string>()
  const plugins: Plugins = {}
  for (const filter of manager.messages('http_filters')) {
    filter.ignore('name', 'is_optional')
    const config = filter.message('typed_config')
    if (filter.boolean('disabled') === true) {
      config?.settle()
      filter.lose('disabled', 'a filter that only some routes turn on has to be written on these')
    } else if (config === undefined) filter.loseAll('has no typed_config')
    else {
      types.add(config.type)
      Object.assign(plugins, readFilter(config, context))
    }
  }
  return { types, plugins }
}

function readFilter(config: Message, context: ImportContext): Plugins | undefined {
  switch (config.type) {
    case 'Router':
      config.ignore('dynamic_stats', 'suppress_envoy_headers')
      return undefined
    case 'Cors':
      return undefined
    case 'GrpcWeb':
      return { 'grpc-web': {} }
    case 'LocalRateLimit':
      return readLocalRateLimit(config)
    case 'HTTPFault': {
      const fault = readFault(config)
      return fault && { 'fault-injection': fault }
    }
    case 'Buffer':
      readBuffer(config, context.settings)
      return undefined
    default:
      if (GUARDS.has(config.type)) context.lostGuards.add(config.type)
      config.loseAll(REASONS.get(config.type) ?? '')
      return undefined
  }
}
