import type { Consumer } from './consumer.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { GlobalRule } from './global-rule.ts'
import type { PluginConfig } from './plugin-config.ts'
import type { PluginMetadata } from './plugin-metadata.ts'
import type { Proto } from './proto.ts'
import type { Route } from './route.ts'
import type { Secret } from './secret.ts'
import type { Service } from './service.ts'
import type { Ssl } from './ssl.ts'
import type { StreamRoute } from './stream-route.ts'
import type { Upstream } from './upstream.ts'

/** The type of one resource of each kind. Kinds are named as the lists in the configuration file and as APISIX's paths. */
export interface ResourceTypes {
  secrets: Secret
  ssls: Ssl
  protos: Proto
  upstreams: Upstream
  services: Service
  routes: Route
  stream_routes: StreamRoute
  plugin_configs: PluginConfig
  global_rules: GlobalRule
  consumer_groups: ConsumerGroup
  consumers: Consumer
  plugin_metadata: PluginMetadata
}

export type ResourceKind = keyof ResourceTypes
export type Resource = ResourceTypes[ResourceKind]

/**
 * All kinds; what others refer to comes first, so that changes applied in this order never point at what is not there yet.
 * Kept apart from the schemas: worker threads need the names and types without loading the schema library.
 */
export const RESOURCE_KINDS: readonly ResourceKind[] = [
  'secrets',
  'ssls',
  'protos',
  'upstreams',
  'services',
  'plugin_configs',
  'consumer_groups',
  'global_rules',
  'plugin_metadata',
  'consumers',
  'routes',
  'stream_routes',
]

/** What one resource of a kind is called in messages. */
export const KIND_SINGULAR: Readonly<Record<ResourceKind, string>> = {
  secrets: 'secret',
  ssls: 'ssl',
  protos: 'proto',
  upstreams: 'upstream',
  services: 'service',
  routes: 'route',
  stream_routes: 'stream_route',
  plugin_configs: 'plugin_config',
  global_rules: 'global_rule',
  consumer_groups: 'consumer_group',
  consumers: 'consumer',
  plugin_metadata: 'plugin_metadata',
}
