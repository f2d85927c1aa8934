import type { TSchema } from 'typebox'
import { Consumer } from './consumer.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { GlobalRule } from './global-rule.ts'
import type { ResourceKind } from './kind-names.ts'
import { PluginConfig } from './plugin-config.ts'
import { PluginMetadata } from './plugin-metadata.ts'
import { Proto } from './proto.ts'
import { Route } from './route.ts'
import { managerOf, managerSchemas, Secret } from './secret.ts'
import { Service } from './service.ts'
import { Ssl } from './ssl.ts'
import { StreamRoute } from './stream-route.ts'
import { Upstream } from './upstream.ts'

/** The JSON Schema of one resource of each kind. */
export const resourceSchemas: Readonly<Record<ResourceKind, TSchema>> = {
  secrets: Secret,
  ssls: Ssl,
  protos: Proto,
  upstreams: Upstream,
  services: Service,
  routes: Route,
  stream_routes: StreamRoute,
  plugin_configs: PluginConfig,
  global_rules: GlobalRule,
  consumer_groups: ConsumerGroup,
  consumers: Consumer,
  plugin_metadata: PluginMetadata,
}

/** The schema of one resource: where it depends on the id, as that of a secret does on its manager, the one for this item. */
export function schemaOf(kind: ResourceKind, item: unknown): TSchema {
  const id = kind === 'secrets' ? (item as { id?: unknown } | null | undefined)?.id : undefined
  const manager = typeof id === 'string' ? managerOf(id) : undefined
  return manager === undefined ? resourceSchemas[kind] : managerSchemas[manager]
}
