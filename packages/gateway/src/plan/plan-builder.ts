import type { TunnelLimits } from '@sekisho/proxy'
import type { Consumer } from '../consumers/consumer-directory.ts'
import type { FunctionTarget } from '../functions/function-target.ts'
import { UrgencyRule } from '../overload/urgency-rule.ts'
import type { LoadShedding } from '../resources/overload.ts'
import { CallPolicy } from '../grpc/call-policy.ts'
import type { GrpcPolicy } from '../resources/grpc.ts'
import type { NormalRoute, NormalService } from '../resources/index.ts'
import type { WebSocketLimits } from '../resources/web-socket.ts'
import type { PluginSet } from '../resources/plugin-set.ts'
import type { MountPlace } from '../plugins/context.ts'
import type { UpstreamTarget } from '../upstreams/upstream-target.ts'
import type { MountedPlugin } from './mounted-plugin.ts'
import type { Mounts } from './mounts.ts'
import { NO_PLUGINS, phaseChains } from './phase-chains.ts'
import type { Plan } from './plan.ts'

/** What a route refers to, looked up by the table. */
export interface PlanParts {
  readonly route: NormalRoute
  readonly service: NormalService | undefined
  readonly pluginConfig: PluginSet | undefined
  readonly upstream: UpstreamTarget | undefined
  readonly function: FunctionTarget | undefined
  /** Why no upstream can be reached, and with which status that is answered. */
  readonly missing: { readonly status: number; readonly message: string } | undefined
  readonly globalRules: ReadonlyMap<string, PluginSet>
  /** The plugins of a consumer's group. */
  readonly groupPlugins: (groupId: string) => PluginSet | undefined
}

type Layer = { readonly place: MountPlace; readonly plugins: PluginSet }

/** Merges and sorts the plugins of a route once; what a consumer brings in is merged when that consumer first calls. */
export function buildPlan(parts: PlanParts, mounts: Mounts): Plan {
  const { route, service } = parts
  const globals = [...parts.globalRules].flatMap(([id, plugins]) => mounts.at({ kind: 'global_rules', id }, plugins))
  const layers: Layer[] = [{ place: { kind: 'routes', id: route.id }, plugins: route.plugins }]
  if (parts.pluginConfig !== undefined) {
    layers.push({
      place: { kind: 'plugin_configs', id: route.plugin_config_id as string },
      plugins: parts.pluginConfig,
    })
  }
  if (service !== undefined) layers.push({ place: { kind: 'services', id: service.id }, plugins: service.plugins })
  const own = mergeLayers(layers, mounts)
  const base = {
    route,
    service,
    upstream: parts.upstream,
    function: parts.function,
    missing: parts.missing,
    enableWebsocket: route.enable_websocket ?? service?.enable_websocket,
    tunnelLimits: tunnelLimits(route.websocket ?? service?.websocket),
    grpc: callPolicy(route.grpc ?? service?.grpc),
    urgency: urgencyRule(route.load_shedding ?? service?.load_shedding),
  }
  // A consumer that changed, or is gone, takes its plan along.
  const consumerPlans = new WeakMap<Consumer, Plan>()

  const forConsumer = (consumer: Consumer): Plan => {
    // Most consumers have a credential and nothing else: they share the plan of the route.
    if (mounts.bringsNothing(consumer)) return plain
    let plan = consumerPlans.get(consumer)
    if (plan !== undefined) return plan
    const brought = consumerLayers(consumer, parts.groupPlugins)
    // Credentials stand among a consumer's plugins but are not run for it.
    const merged = mergeLayers([...brought, ...layers], mounts, (name) => !isConsumerCredential(name, consumer, mounts))
    const before = new Set(own.map((plugin) => plugin.name))
    const fresh = merged.filter((plugin) => !before.has(plugin.name) && !plugin.isAuth)
    plan = {
      ...base,
      ...phaseChains(globals, merged),
      consumerRewrite: phaseChains([], fresh).rewrite,
      forConsumer: (other) => (other === consumer ? (plan as Plan) : forConsumer(other)),
    }
    consumerPlans.set(consumer, plan)
    return plan
  }
  const plain: Plan = { ...base, ...phaseChains(globals, own), consumerRewrite: NO_PLUGINS, forConsumer }
  return plain
}

const callPolicy = (policy: GrpcPolicy | undefined): CallPolicy | undefined =>
  policy === undefined ? undefined : new CallPolicy(policy)

const urgencyRule = (rule: LoadShedding | undefined): UrgencyRule | undefined =>
  rule === undefined ? undefined : new UrgencyRule(rule)

function tunnelLimits(limits: WebSocketLimits | undefined): Partial<TunnelLimits> | undefined {
  if (limits === undefined) return undefined
  const { idle_timeout: idle, max_message_bytes: bytes } = limits
  return {
    ...(idle === undefined ? {} : { idleTimeoutMs: idle * 1_000 }),
    ...(bytes === undefined ? {} : { maxMessageBytes: bytes }),
  }
}

/** One configuration per plugin, that of the first layer that has it: consumer, group, route, plugin_config, service. */
function mergeLayers(
  layers: readonly Layer[],
  mounts: Mounts,
  counts: (name: string) => boolean = () => true,
): MountedPlugin[] {
  const taken = new Set<string>()
  const merged: MountedPlugin[] = []
  for (const { place, plugins } of layers) {
    const isCaller = place.kind === 'consumers' || place.kind === 'consumer_groups'
    const own: Record<string, PluginSet[string]> = {}
    for (const name of Object.keys(plugins)) if (!isCaller || counts(name)) own[name] = plugins[name]
    for (const plugin of mounts.at(place, own)) if (!taken.has(plugin.name)) merged.push(plugin)
    for (const name of Object.keys(own)) taken.add(name)
  }
  return merged
}

function consumerLayers(consumer: Consumer, groupPlugins: (id: string) => PluginSet | undefined): Layer[] {
  const layers: Layer[] = [{ place: { kind: 'consumers', id: consumer.username }, plugins: consumer.plugins }]
  const group = consumer.groupId === undefined ? undefined : groupPlugins(consumer.groupId)
  if (group !== undefined)
    layers.push({ place: { kind: 'consumer_groups', id: consumer.groupId as string }, plugins: group })
  return layers
}

const isConsumerCredential = (name: string, consumer: Consumer, mounts: Mounts): boolean =>
  consumer.plugins[name] !== undefined && mounts.isAuth(name)
