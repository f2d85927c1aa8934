import type { NodeSettings } from '../config/settings/node-settings.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import type { SeriesBatch } from '../observability/metrics/index.ts'
import type { DiscoveredNode } from '../discovery/settle-nodes.ts'
import type { HealthBoardData } from '@sekisho/proxy/health'
import type { HealthMessage, HealthReport } from '../health/health-messages.ts'
import type { Operation } from '../store/store.ts'

/** What a worker is started with: the state as of `revision`. */
export interface WorkerStart {
  readonly settings: NodeSettings
  readonly revision: number
  readonly resources: ResourceSet
  /** Plugins of the user's: the code of each as one ES module. */
  readonly plugins: ReadonlyMap<string, string>
  /** Of session tickets. */
  readonly ticketKeys: Uint8Array
  /** Of ACME: answers by token. */
  readonly challenges: ReadonlyMap<string, string>
  /** What service discovery found, by the key of the service. */
  readonly discovered: ReadonlyMap<string, readonly DiscoveredNode[]>
  /** What is known of the nodes of upstreams, by where these are written. */
  readonly health: ReadonlyMap<string, HealthBoardData>
}

/** From the control thread to the workers. */
export type ToWorker =
  | { readonly type: 'change'; readonly revision: number; readonly operations: readonly Operation[] }
  | { readonly type: 'plugin'; readonly name: string; readonly code: string | undefined }
  | { readonly type: 'reopen-logs' }
  | { readonly type: 'ticket-keys'; readonly keys: Uint8Array }
  /** Certificates that the gateway got for itself: no change of the configuration, so without a revision. */
  | { readonly type: 'certificates'; readonly operations: readonly Operation[] }
  | {
      readonly type: 'challenge'
      readonly sequence: number
      readonly token: string
      readonly answer: string | undefined
    }
  | { readonly type: 'forget'; readonly label: string; readonly values: ReadonlySet<string> }
  /** The nodes of one service; undefined: nobody asks for it any more. */
  | { readonly type: 'discovered'; readonly key: string; readonly nodes: readonly DiscoveredNode[] | undefined }
  /** What `metrics-wanted` asked for: the text of all metrics. */
  | { readonly type: 'metrics-text'; readonly text: string }
  | HealthMessage

/** From a worker to the control thread. */
export type ToControl =
  | { readonly type: 'series'; readonly generation: number; readonly batch: SeriesBatch }
  | { readonly type: 'applied'; readonly revision: number }
  | { readonly type: 'challenge-known'; readonly sequence: number }
  | { readonly type: 'metrics-wanted' }
  | HealthReport

/** Names of what the threads share. */
export const SHARED_COUNTERS = 'counters'
export const SHARED_IN_FLIGHT = 'in-flight'
export const SHARED_BALANCING = 'balancing'
export const sharedMetrics = (workerIndex: number): string => `metrics-${workerIndex}`
