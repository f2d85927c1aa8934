import type { WorkerMetrics } from '../observability/metrics/index.ts'
import { GuestMetrics } from './guest-metrics.ts'
import { SharedData } from './shared-data.ts'
import { SharedQueues } from './shared-queues.ts'
import { VmPool } from './vm-pool.ts'

/** What the machines of one worker thread share. */
export interface WasmServices {
  readonly sharedData: SharedData
  readonly queues: SharedQueues
  readonly metrics: GuestMetrics
  readonly vms: VmPool
  /** Numbers calls, across machines. */
  nextToken(): number
}

const ofWorkers = new WeakMap<object, WasmServices>()

/** Those of a worker, by what only it has; made when its first filter is. */
export function wasmServices(worker: object, metrics: WorkerMetrics | undefined): WasmServices {
  let services = ofWorkers.get(worker)
  if (services === undefined) ofWorkers.set(worker, (services = makeServices(metrics)))
  return services
}

export function makeServices(metrics: WorkerMetrics | undefined): WasmServices {
  let lastToken = 0
  return {
    sharedData: new SharedData(),
    queues: new SharedQueues(),
    metrics: new GuestMetrics(metrics),
    vms: new VmPool(),
    nextToken: () => (lastToken = lastToken >= 0x7fff_ffff ? 1 : lastToken + 1),
  }
}
