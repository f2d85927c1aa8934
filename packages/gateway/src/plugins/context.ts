import type { SharedTable } from '@sekisho/proxy'
import type { WorkerMetrics } from '../observability/metrics/index.ts'
import type { CacheZones } from '../cache/cache-zones.ts'
import type { ConsumerDirectory } from '../consumers/consumer-directory.ts'
import type { EngineEndpoint } from '../functions/engine-endpoint.ts'
import type { Proto } from '../resources/proto.ts'
import type { NestedUpstream, PluginApi, PluginHooks } from './definition.ts'
import type { UpstreamChoice } from '../gateway/nested-target.ts'

/** Where a plugin is mounted: its configuration stands on this resource. */
export interface MountPlace {
  readonly kind:
    | 'routes'
    | 'stream_routes'
    | 'services'
    | 'plugin_configs'
    | 'global_rules'
    | 'consumers'
    | 'consumer_groups'
    /** Of what a plugin answers itself (`apis`), wherever a route leads to it. */
    | 'plugin_metadata'
  readonly id: string
}

/** The gateway's log: fields, and a message for people. */
export interface PluginLogger {
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
  info(fields: object, message: string): void
}

/** What a plugin gets beside its configuration, in `create`. */
export interface PluginContext<ConsumerConfig = unknown, Metadata = unknown> {
  /** The resource that this configuration stands on. */
  readonly place: MountPlace
  /** `kind/id` of the place: what keeps one mount's shared keys apart from another's, also after a reload. */
  readonly scope: string
  /** The plugin's `plugin_metadata`, defaults filled in. */
  readonly metadata: Metadata
  /** For plugins that recognise who calls. */
  readonly consumers: ConsumerDirectory<ConsumerConfig>
  /** A `protos` resource. `grpc-transcode` is made anew when one changes. */
  readonly proto: (id: string) => Proto | undefined
  /** Counters shared by all workers: for windows and buckets (three cells). */
  readonly counters: SharedTable
  /** Counters with one cell for each worker: for what is in flight. */
  readonly inFlight: SharedTable
  /** The zones of `proxy-cache`, which all workers share. */
  readonly caches: CacheZones
  /** The hooks of a plugin that `uses` named, made for this place and let go with it. Throws for a plugin that is not there. */
  readonly instance: (name: string, config: object) => PluginHooks
  /** What a plugin of this node answers at a path; for `public-api`. */
  readonly api: (method: string, path: string) => ReturnType<PluginApi['create']> | undefined
  /** An upstream that `uses` named, to be chosen for requests (`session.ctx.chosen`). */
  readonly upstream: (nested: NestedUpstream) => UpstreamChoice
  /** The function engine of this node, if it has one. */
  readonly engine: EngineEndpoint | undefined
  /** Which worker this is, from 0. */
  readonly workerIndex: number
  /** Metrics of this worker; those of all are added up. */
  readonly metrics: WorkerMetrics
  /** The metrics of the node, all workers added up, in the text format of Prometheus. Rejects when they cannot be had. */
  readonly renderMetrics: () => Promise<string>
  readonly logger: PluginLogger
}
