import type { TunnelLimits } from '@sekisho/proxy'
import type { Consumer } from '../consumers/consumer-directory.ts'
import type { FunctionTarget } from '../functions/function-target.ts'
import type { UrgencyRule } from '../overload/urgency-rule.ts'
import type { CallPolicy } from '../grpc/call-policy.ts'
import type { NormalRoute, NormalService } from '../resources/index.ts'
import type { UpstreamTarget } from '../upstreams/upstream-target.ts'
import type { MountedPlugin } from './mounted-plugin.ts'
import type { PhaseChains } from './phase-chains.ts'

/** Everything that the configuration settles for a route: made when it is first needed after a change, read per request. */
export interface Plan extends PhaseChains {
  readonly route: NormalRoute
  readonly service: NormalService | undefined
  /** Where the request goes; undefined when a plugin is to answer. */
  readonly upstream: UpstreamTarget | undefined
  /** The upstream is a function. */
  readonly function: FunctionTarget | undefined
  /** The answer when no plugin gave one and there is no upstream. */
  readonly missing: { readonly status: number; readonly message: string } | undefined
  /** true: any upgrade; false: none; undefined: WebSocket. */
  readonly enableWebsocket: boolean | undefined
  /** Limits of its tunnels, where some are configured. */
  readonly tunnelLimits: Partial<TunnelLimits> | undefined
  /** How gRPC calls are treated, where that is configured. */
  readonly grpc: CallPolicy | undefined
  /** How urgent its requests are, where that is configured. */
  readonly urgency: UrgencyRule | undefined
  /** `rewrite` of the plugins that a consumer brought in, which could not run before it was known. */
  readonly consumerRewrite: readonly MountedPlugin[]
  /** The plan with the plugins of a consumer and its group. */
  forConsumer(consumer: Consumer): Plan
}
